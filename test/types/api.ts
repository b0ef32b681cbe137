/** Programs that must not compile, and a few that must: the public face of the package. */
import { openHost, type Change, type Desired, type Host, type HostEvent, type Network, type NetworkInput, type Plan, type Port, type PortInfo } from 'netwright'

export const right: readonly NetworkInput[] = [
  { name: 'a' },
  { name: 'b', forward: 'nat', subnet: 'auto/24', dhcp: true },
  { name: 'c', forward: { mode: 'route', dev: 'eth0' }, bridge: 'br0', ip: { address: '192.0.2.1', prefix: 24 } },
  { name: 'd', bridge: { stp: false, delay: 2 }, ip: [{ address: '2001:db8::1', prefix: 64, family: 'ipv6', dhcp: { range: [{ start: '2001:db8::10', end: '2001:db8::20' }] } }] },
]

// @ts-expect-error -- a network has a name
export const nameless: NetworkInput = { forward: 'nat' }
// @ts-expect-error -- no such mode
export const moded: NetworkInput = { name: 'a', forward: 'bridged' }
// @ts-expect-error -- a subnet is text
export const subnetted: NetworkInput = { name: 'a', subnet: 24 }
// @ts-expect-error -- unknown words are not taken for known ones
export const worded: NetworkInput = { name: 'a', brigde: 'br0' }

export async function rigs (host: Host): Promise<readonly boolean[]> {
  await using rig = await host.rig({ a: [{ name: 'red' }], b: [] })
  await using list = await host.rig(['c', 'd'])
  // @ts-expect-error -- the rig has no such namespace
  rig.host('c')
  // @ts-expect-error -- nor has this one
  list.host('a')
  // @ts-expect-error -- a network is a definition
  await host.rig({ a: [42] })
  // @ts-expect-error -- several are in a list
  await host.rig('a')
  return [rig.host('b').made, list.host('d').made]
}

export async function trials (host: Host): Promise<readonly string[]> {
  await using trial = await host.transaction((tx) => { tx.destroy('a') }, { confirmWithin: 30, probe: ({ ports, signal }) => ports.length === 0 && !signal.aborted })
  await trial.confirm()
  const probed = await host.transaction(() => undefined, { probe: 'none' })
  const made = await host.transaction(() => undefined, {})
  // @ts-expect-error -- what is not on trial needs no confirmation
  await made.confirm()
  // @ts-expect-error -- no such probe
  await host.transaction(() => undefined, { confirmWithin: 1, probe: 'ping' })
  return [await trial.outcome, await probed.outcome]
}

export async function wrong (host: Host, network: Network): Promise<void> {
  // @ts-expect-error -- a definition is text or an object
  await host.define(42)
  // @ts-expect-error -- a veth needs to know where its guest is
  await network.attach({ kind: 'veth', dev: 'eth0' })
  // @ts-expect-error -- no such kind of port
  await network.attach({ kind: 'macvtap' })
  // @ts-expect-error -- queues are a number
  await network.attach({ kind: 'tap', queues: '2' })
  // @ts-expect-error -- signals go in an object
  await network.start(AbortSignal.timeout(1))
  // @ts-expect-error -- an owner is text
  await openHost({ owner: 1 })
  // @ts-expect-error -- a name cannot be changed
  network.name = 'other'
  // @ts-expect-error -- specs come out as plain data that nobody changes
  ;(await network.spec()).ip.push({ address: '192.0.2.1' })
}

/** One in, one out; a list in, a list out. */
export async function batches (host: Host): Promise<readonly [Network, Network[]]> {
  return [await host.create({ name: 'a' }), await host.create([{ name: 'b' }, '<network><name>c</name></network>'])]
}

export function told (event: HostEvent): string {
  switch (event.kind) {
    case 'snapshot': case 'resync': return event.networks.map(({ name }) => name).join()
    case 'network': case 'dnsmasq': return `${event.network} ${event.change}`
    case 'port': case 'link': return `${event.dev} ${event.change}`
    case 'lease': return event.lease.ip
    default: return event satisfies never
  }
}

/** An address may be missing: a port without one is a port. */
export function addressOf (port: Port): string {
  // @ts-expect-error -- perhaps undefined
  return port.ip
}
export const descriptors = (port: Port): readonly number[] => port.fds
// @ts-expect-error -- only a port just made has descriptors
export const none = (port: PortInfo): readonly number[] => port.fds

/** A plan is made of what is desired, and either can be applied. */
export async function planned (host: Host): Promise<Plan> {
  const desired: Desired = { networks: [{ name: 'a', ports: [{ kind: 'tap' }], autostart: true, active: true, persistent: true }, '<network><name>b</name></network>'], ports: [{ network: 'c', kind: 'veth', netns: 'x' }] }
  const plan = await host.plan(desired, { source: '/lab.yaml', prune: true })
  await host.apply(desired, { progress: ({ done, total, change }) => { told.call(undefined, { kind: 'link', dev: `${String(done)}/${String(total)} ${change?.what ?? ''}`, change: 'changed' }) } })
  // @ts-expect-error -- a port of a file belongs to a network
  await host.plan({ ports: [{ kind: 'tap' }] })
  // @ts-expect-error -- what is prune?
  await host.plan({ name: 'a' }, { prune: 'yes' })
  // @ts-expect-error -- plans are not edited
  plan.changes.pop()
  return await host.apply(plan)
}

/** A change says what it is by its kind. */
export function described (change: Change): string {
  switch (change.kind) {
    case 'stored': case 'running': return change.to?.bridge.name ?? 'gone'
    case 'port': return change.to?.dev ?? 'gone'
    case 'source': return change.to ?? 'by hand'
    case 'autostart': return String(change.to)
    default: return change satisfies never
  }
}
