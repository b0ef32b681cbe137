/** The story: a network from XML, a guest that uses it, and then no trace of it. */
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { openHost, type Host, type Network, type NetworkInfo, type Port } from '../../index.js'
import type { Context } from '../command.js'
import { Failure } from '../failure.js'
import { awaitLink, forwards } from './await-link.js'
import { show } from './show.js'
import { internet, layCable, leadTo, resolvConf, settleGuest, setStage, type Stage } from './stage.js'
import { leftovers, sweep } from './sweep.js'
import { tellTo, type Teller } from './teller.js'
import { countsTable, difference, traces, type Traces } from './traces.js'

const document = new URL('../../../../examples/red-nat.xml', import.meta.url)
/** A service of the guest. */
const SERVICE = '8080'
const GUEST_DEV = 'eth0'

/** What all scenes share. */
interface Scene { readonly context: Context, readonly teller: Teller, readonly stage: Stage }
/** A guest on its network. */
interface Guest { readonly network: Network, readonly info: NetworkInfo, readonly port: Port }

/** Plays it. Resolves with whether all of it held; throws what went wrong in between. Either way everything is cleared away, also when the terminal is closed. */
export async function play (context: Context): Promise<boolean> {
  const teller = tellTo(context)
  const started = performance.now()
  teller.say('Three network namespaces play a guest, its host and the internet;', "this machine's own network is not touched.")
  teller.heading('The stage')
  const dead = await leftovers()
  if (dead.length > 0) await teller.step('clear away what was left', () => sweep(dead), () => `cleared away what a killed demonstration had left: ${dead.join(', ')}`)
  const stage = await teller.step('make three namespaces', setStage, ({ host }) => `made the namespaces ${host.name.replace(/host$/, '{guest,host,internet}')}`)
  const left: string[] = []
  let counts: readonly string[] = []
  let tidy = false
  try {
    await dress({ context, teller, stage })
    const end = await perform({ context, teller, stage })
    left.push(...end.left)
    counts = end.counts
  } finally {
    tidy = await teller.tidy('delete the namespaces', async () => { left.push(...(await stage.clear()).map((path) => `+ ${path}`)) }, 'deleted the namespaces')
  }
  const good = tidy && left.length === 0
  const seconds = ((performance.now() - started) / 1_000).toFixed(1)
  teller.say('', ...counts, ...left.map((line) => `  ${line}`))
  teller.verdict(good, good ? `All of it held, and nothing is left. ${seconds} s.` : 'Something is left: + is new, - is gone.')
  context.data({ left, seconds: Number(seconds) })
  return good
}

/** The internet: a cable, a name server, a web server. */
async function dress ({ teller, stage }: Scene): Promise<void> {
  await teller.step('lay a cable', (signal) => layCable(stage, signal), () => `laid a cable: host ${internet.host} --- internet ${internet.gateway}`)
  await teller.step('start the internet', async (signal) => {
    await stage.internet.agent.ask(signal, 'serveNames', internet.gateway, internet.name, internet.web)
    await stage.internet.agent.ask(signal, 'serveWeb', internet.web)
  }, () => `started the internet: DNS, and ${internet.name} at ${internet.web}`)
}

/** Everything that happens on the host. Resolves with what is left of it, and with how much there was. */
async function perform (scene: Scene): Promise<{ readonly left: readonly string[], readonly counts: readonly string[] }> {
  const { teller, stage } = scene
  const resolv = await resolvConf(stage)
  const before = await traces(stage, scene.context.signal)
  teller.heading('The network')
  const host = await teller.step('open the host', (signal) => openHost({ netns: stage.host.path, root: stage.root, resolvConf: resolv, signal }), () => 'opened the host')
  let during: Traces = before
  let tidy = true
  try {
    const network = await teller.step('define the network', async (signal) => await host.define(await readFile(document, 'utf8'), { signal }), ({ name }) => `defined ${name} from examples/red-nat.xml`)
    try {
      during = await live(scene, host, network)
    } finally {
      teller.heading('The end')
      const { active } = await network.info()
      tidy = !active || await teller.tidy('destroy', () => network.destroy(), `net-destroy ${network.name}`)
      tidy = await teller.tidy('undefine', () => network.undefine(), `net-undefine ${network.name}`) && tidy
    }
  } finally { tidy = await teller.tidy('close the host', () => host.close(), 'closed the host') && tidy }
  const after = await traces(stage, scene.context.signal)
  const left = [...difference(before, after), ...tidy ? [] : ['- a step of the end failed']]
  scene.context.data({ counts: Object.fromEntries([...before].map(([what, lines]) => [what, [lines, during.get(what) ?? [], after.get(what) ?? []].map((each) => each.length)])) })
  return { left, counts: countsTable(before, during, after) }
}

/** The network runs, and a guest uses it. Resolves with what stands meanwhile. */
async function live (scene: Scene, host: Host, network: Network): Promise<Traces> {
  const { context, teller, stage } = scene
  const report = await teller.step('start the network', (signal) => network.start({ signal }), ({ bridge }) => `started it: bridge ${bridge}, firewall, dnsmasq ready`)
  for (const { message, remedy } of report.warnings) context.warn(message, remedy)
  const port = await teller.step('attach the guest', (signal) => network.attach({ kind: 'veth', netns: stage.guest.path, dev: GUEST_DEV }, { signal }), ({ dev }) => `attached the guest: ${dev} on the bridge --- ${GUEST_DEV} in the guest`)
  await teller.step('wait until the port forwards (spanning tree: 4 s)', (signal) => awaitLink(stage.host, port.dev, forwards, signal), () => "the port forwards (spanning tree; stp='off' in the XML skips it)")
  const guest = { network, port, info: await network.info() }
  const given = await use(scene, guest)
  const during = await traces(stage, context.signal)
  show(context, teller, { ...guest, networks: await host.networks(), leases: await network.leases.list(), ip: given.ip, gateway: given.router })
  return during
}

/** Lease, name, web page; and what must not pass. */
async function use ({ teller, stage }: Scene, { network, port }: Guest): Promise<Given> {
  const { guest, host, internet: outside } = stage
  teller.heading('The guest')
  const given = await teller.step('ask for a lease', async (signal) => leaseOf(await guest.agent.ask(signal, 'askForLease', GUEST_DEV, join(stage.root, 'client'))), ({ client, ip, prefix }) => `DHCP: ${client} was given ${ip}/${String(prefix)}`)
  const lease = await teller.step('wait for the lease', (signal) => network.leases.wait({ mac: port.mac }, { signal }), ({ ip, hostname }) => `the host sees the lease: ${ip} for ${hostname ?? port.mac}`)
  expect('the address of the lease', lease.ip, given.ip)
  await teller.step('set address and route', () => settleGuest(guest, GUEST_DEV, given), () => `set the address and a default route through ${given.router}`)
  const found = await teller.step('resolve a name', (signal) => guest.agent.ask(signal, 'resolve', given.nameServer, internet.name), (address) => `DNS: ${internet.name} is ${address}, says ${given.nameServer}`)
  expect(`the address of ${internet.name}`, found, internet.web)
  const seen = await teller.step('fetch a page', (signal) => guest.agent.ask(signal, 'fetch', found, internet.name), (from) => `HTTP: ${internet.name} answers; it sees ${from}, so NAT works`)
  expect('the address that the web server sees', seen, internet.host)
  await guest.agent.ask(AbortSignal.timeout(5_000), 'listen', SERVICE)
  const inside = await teller.step('call the guest from the host', (signal) => host.agent.ask(signal, 'call', given.ip, SERVICE), (word) => `from the host to ${given.ip}:${SERVICE}: ${word}`)
  expect('a call from the host', inside, 'connected')
  await leadTo(stage, given.ip)
  const refused = await teller.step('call the guest from the internet', (signal) => outside.agent.ask(signal, 'call', given.ip, SERVICE), (word) => `from the internet to ${given.ip}:${SERVICE}: ${word === 'ECONNREFUSED' ? 'refused by the firewall' : word}`)
  expect('a call from the internet', refused, 'ECONNREFUSED')
  return given
}

function expect (what: string, is: string, wanted: string): void {
  if (is !== wanted) throw new Failure({ driver: `${what} is ${is}, not ${wanted}` })
}

/** What the guest was given. */
interface Given { readonly client: string, readonly ip: string, readonly prefix: number, readonly router: string, readonly nameServer: string }

function leaseOf (answer: string): Given {
  const [client = '', ip = '', netmask = '', router = '', nameServer = ''] = answer.split(' ')
  const bits = netmask.split('.').map((byte) => Number(byte).toString(2).replaceAll('0', '')).join('')
  return { client: basename(client), ip, prefix: bits.length, router, nameServer }
}
