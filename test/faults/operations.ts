/** The changes that the fault tests fail and kill, each with its way back. The same in the test and in the child processes that are killed. */
import { closeSync } from 'node:fs'
import type { Host, Network } from '../../src/engine/api.js'

/** Where a test works. */
export interface Place { readonly netns: string, readonly guest: string, readonly root: string }

/** A change from one state to another. */
export interface Operation {
  /** Brings the state about in which `run` starts. Once. */
  readonly setup: (host: Host, place: Place) => Promise<void>
  readonly run: (host: Host, place: Place) => Promise<unknown>
  /** From what `run` made to what was before. */
  readonly back: (host: Host, place: Place) => Promise<unknown>
  /** From what `setup` made to nothing. Once. */
  readonly end: (host: Host, place: Place) => Promise<unknown>
  /** Once its intent is on record it cannot be undone, only finished. */
  readonly onward?: boolean
  /** Files that may be gone although the operation was stopped: it takes them first. */
  readonly first?: RegExp
}

const xml = (name: string, number: number, inner: string, bridge = ''): string => `<network>
  <name>${name}</name><uuid>00000000-0000-4000-8000-00000000000${String(number)}</uuid>${inner}
  <bridge name='nw-${name}' stp='off' delay='0'/><mac address='52:54:00:00:00:0${String(number)}'/>${bridge}
</network>`

/** Leases, names, both families, forwarding. */
export const red = xml('red', 1, '<forward mode=\'nat\'><nat ipv6=\'yes\'/></forward>', `
  <ip address='10.77.1.1' netmask='255.255.255.0'><dhcp><range start='10.77.1.10' end='10.77.1.99'/></dhcp></ip>
  <ip family='ipv6' address='fd00:77:1::1' prefix='64'/>`)
/** Forwarding, no dnsmasq. */
export const plain = xml('plain', 2, '<forward mode=\'nat\'/><dns enable=\'no\'/>', '<ip address=\'10.77.2.1\' netmask=\'255.255.255.0\'/>')
/** Neither. */
export const alone = xml('alone', 3, '<dns enable=\'no\'/>', '<ip address=\'10.77.3.1\' netmask=\'255.255.255.0\'/>')

/** `red` with almost everything else that can change while it runs. */
const redder = xml('red', 1, '<forward mode=\'route\'/><mtu size=\'1400\'/><title>redder</title>', `
  <ip address='10.77.1.1' netmask='255.255.255.0'><dhcp><range start='10.77.1.20' end='10.77.1.99'/></dhcp></ip>
  <ip address='10.77.9.1' netmask='255.255.255.0'/><route address='10.77.8.0' prefix='24' gateway='10.77.9.2'/>`).replace('delay=\'0\'', 'delay=\'3\'')

const net = async (host: Host, name: string): Promise<Network> => await host.network(name)
const destroy = async (host: Host, ...names: string[]): Promise<void> => { for (const name of names) await (await net(host, name)).destroy() }
const undefine = async (host: Host, name: string): Promise<void> => { await (await net(host, name)).undefine() }

function starting (definition: string, name: string): Operation {
  return {
    // One start first: it leaves a lease file that stays.
    setup: async (host) => { const made = await host.define(definition); await made.start(); await made.stop() },
    run: async (host) => await (await net(host, name)).start(),
    back: async (host) => { await (await net(host, name)).stop() },
    end: async (host) => { await undefine(host, name) },
  }
}

const running = {
  setup: async (host: Host): Promise<void> => { await (await host.define(red)).start() },
  end: async (host: Host): Promise<void> => { await destroy(host, 'red'); await undefine(host, 'red') },
}
const tap = { kind: 'tap', dev: 'nwtap0', mac: '52:54:00:00:01:01', address: 'auto', hostname: 'vm1', fds: false } as const
const web = '8080/tcp 10.77.1.10:80'
const closed = 'deny in tcp/22'
/** `red` with a peer, a rule and a closed host. */
const filtered = red.replace('<network>', '<network xmlns:netwright=\'urn:netwright:network:1.0\'>').replace('</network>', `
  <netwright:peers><netwright:peer network='plain'/></netwright:peers>
  <netwright:rules><netwright:rule action='deny' direction='in' protocol='tcp' ports='22'/></netwright:rules>
  <netwright:host access='deny'/>
</network>`)
const card = { source: 'red', mac: '52:54:00:00:01:04', dev: 'nwcard0' } as const
const attachTap = async (host: Host): Promise<unknown> => await (await net(host, 'red')).attach(tap)

export const operations = {
  'start nat with DHCP': starting(red, 'red'),
  'start nat': starting(plain, 'plain'),
  'start isolated': starting(alone, 'alone'),
  'create a batch of three': {
    setup: () => Promise.resolve(),
    run: async (host) => await host.create([red, plain, alone]),
    back: async (host) => { await destroy(host, 'plain', 'alone', 'red') },
    end: () => Promise.resolve(),
  },
  'stop nat with DHCP and a port': {
    setup: async (host) => { await running.setup(host); await attachTap(host) },
    run: async (host) => { await (await net(host, 'red')).stop() },
    back: async (host) => await (await net(host, 'red')).start(),
    end: running.end, onward: true,
  },
  'destroy one of a batch': {
    setup: async (host) => { await host.create([red, plain, alone]) },
    run: async (host) => { await destroy(host, 'plain') },
    back: async (host) => await host.create(plain),
    end: async (host) => { await destroy(host, 'red', 'alone', 'plain') }, onward: true,
  },
  'attach a TAP': { ...running, run: attachTap, back: async (host) => { await (await net(host, 'red')).detach('nwtap0') } },
  'attach a veth': {
    ...running,
    run: async (host, { guest }) => await (await net(host, 'red')).attach({ kind: 'veth', netns: guest, dev: 'eth0', hostDev: 'nwveth0', mac: '52:54:00:00:01:02', address: 'auto', defaultRoute: true }),
    back: async (host) => { await (await net(host, 'red')).detach('nwveth0') },
  },
  'attach a macvtap': {
    setup: async (host) => { await host.links.addBridge('nwdevice') },
    run: async (host) => {
      const { fds } = await host.attach({ kind: 'macvtap', device: 'nwdevice', dev: 'nwmacvtap0', mac: '52:54:00:00:01:03', queues: 2 })
      for (const fd of fds) closeSync(fd)
    },
    back: async (host) => { await (await host.port('nwmacvtap0')).detach() },
    end: async (host) => { await host.links.deleteBridge('nwdevice') },
  },
  'detach a TAP': {
    setup: async (host) => { await running.setup(host); await attachTap(host) },
    run: async (host) => { await (await net(host, 'red')).detach('nwtap0') },
    back: attachTap, end: running.end, onward: true,
  },
  'update while it runs': {
    ...running, run: async (host) => await (await net(host, 'red')).update(redder), back: async (host) => await (await net(host, 'red')).update(red),
  },
  'forward a port while it runs': {
    ...running, run: async (host) => await (await net(host, 'red')).forwards.add(web, { live: true }), back: async (host) => { await (await net(host, 'red')).forwards.remove(web, { live: true }) },
  },
  'forward a port no more': {
    setup: async (host) => { await running.setup(host); await (await net(host, 'red')).forwards.add(web, { live: true }) },
    run: async (host) => { await (await net(host, 'red')).forwards.remove(web, { live: true }) },
    back: async (host) => await (await net(host, 'red')).forwards.add(web, { live: true }), end: running.end,
  },
  'let peers talk while they run': {
    setup: async (host) => { await running.setup(host); await host.create(plain) },
    run: async (host) => { await (await net(host, 'red')).peers.add('plain', { live: true }) },
    back: async (host) => { await (await net(host, 'red')).peers.remove('plain', { live: true }) },
    end: async (host) => { await destroy(host, 'plain'); await running.end(host) },
  },
  'add the first rule while it runs': {
    ...running, run: async (host) => { await (await net(host, 'red')).rules.add(closed, { live: true }) }, back: async (host) => { await (await net(host, 'red')).rules.remove(closed, { live: true }) },
  },
  'start with peers and rules': {
    setup: async (host) => { await host.create(plain); const made = await host.define(filtered); await made.start(); await made.stop() },
    run: async (host) => await (await net(host, 'red')).start(),
    back: async (host) => { await (await net(host, 'red')).stop() },
    end: async (host) => { await undefine(host, 'red'); await destroy(host, 'plain') },
  },
  'attach an interface of a guest': {
    setup: async (host) => { await running.setup(host); await host.domain('vm1').attach({ ...card, mac: '52:54:00:00:01:05', dev: 'nwcard1' }) },
    run: async (host) => await host.domain('vm1').attach(card),
    back: async (host) => await host.domain('vm1').detach({ mac: card.mac }), end: running.end,
  },
  'attach what is kept of a guest': {
    setup: async (host) => { await running.setup(host); for (const one of [card, { ...card, mac: '52:54:00:00:01:05', dev: 'nwcard1' }]) await host.domain('vm1').attach(one, { config: true }) },
    run: async (host) => await host.domain('vm1').attachKept(),
    back: async (host) => { for (const { mac } of await host.domain('vm1').interfaces()) await host.domain('vm1').detach({ mac }) },
    end: async (host) => { for (const { mac } of await host.domain('vm1').interfaces({ inactive: true })) await host.domain('vm1').detach({ mac }, { config: true }); await running.end(host) },
  },
  'detach an interface of a guest': {
    setup: async (host) => { await running.setup(host); await host.domain('vm1').attach(card) },
    run: async (host) => await host.domain('vm1').detach(), back: async (host) => await host.domain('vm1').attach(card), end: running.end, onward: true,
  },
  'a transaction of every kind': {
    setup: async (host) => { await running.setup(host); await host.create(plain) },
    run: async (host, { guest }) => await host.transaction((tx) => {
      tx.create(alone, [{ kind: 'veth', netns: guest, dev: 'eth0', hostDev: 'nwveth0', mac: '52:54:00:00:01:02', address: 'auto', defaultRoute: true }])
      tx.attach('red', tap)
      tx.update(redder)
      tx.destroy('plain')
    }),
    back: async (host) => {
      await destroy(host, 'alone')
      await (await net(host, 'red')).detach('nwtap0')
      await (await net(host, 'red')).update(red)
      await host.create(plain)
    },
    end: async (host) => { await destroy(host, 'plain'); await running.end(host) }, onward: true,
  },
  'define': {
    setup: async (host) => { await host.define(alone) },
    run: async (host) => await host.define(red),
    back: async (host) => { await undefine(host, 'red') },
    end: async (host) => { await undefine(host, 'alone') },
  },
  'undefine with leases': {
    setup: async (host) => { const made = await host.define(red); await made.start(); await made.stop(); await made.setAutostart(true) },
    run: async (host) => { await undefine(host, 'red') },
    back: async (host) => { const made = await host.define(red); await made.start(); await made.stop(); await made.setAutostart(true) },
    end: async (host) => { await undefine(host, 'red') }, first: /red\.leases$/,
  },
} as const satisfies Readonly<Record<string, Operation>>

export type OperationName = keyof typeof operations
export const isOperation = (name: string): name is OperationName => Object.hasOwn(operations, name)
