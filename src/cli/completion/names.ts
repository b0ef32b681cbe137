/** What there is of the things that parameters name. Looks only, and finds nothing where it may not look. */
import { readdir } from 'node:fs/promises'
import type { Host, NetworkInfo } from '../../index.js'
import type { Named } from '../command.js'
import { placeOf, type Given } from '../globals.js'
import type { Candidate } from './wish.js'

/** What the shells complete themselves. */
export type Paths = Extract<Named, 'file' | 'directory'>

/** Where to look. */
export interface Surroundings { readonly given: Given, readonly environment: Readonly<Record<string, string | undefined>>, readonly signal: AbortSignal }
/** The same, and what was given for the verb's parameters so far. */
export interface Asked extends Surroundings { readonly values: ReadonlyMap<string, string> }

type Finder = (where: Asked) => Promise<readonly Candidate[]>

const described = (texts: readonly string[]): readonly Candidate[] => texts.map((text) => ({ text, description: '' }))

const networks = (wanted: (network: NetworkInfo) => boolean, text: (network: NetworkInfo) => string = ({ name }) => name): Finder => async ({ given, environment, signal }) => {
  const { listNetworks } = await import('../../index.js')
  const { log: _, ...place } = placeOf(given, environment)
  const found = (await listNetworks({ ...place, signal })).filter(wanted)
  return found.map((network) => ({ text: text(network), description: `${network.mode} network, ${network.active ? 'active' : 'inactive'}` }))
}

/** What only an open host knows. */
const known = (find: (host: Host, where: Asked) => Promise<readonly Candidate[]>): Finder => async (where) => {
  const { openHost } = await import('../../index.js')
  const { log: _, ...place } = placeOf(where.given, where.environment)
  const host = await openHost({ ...place, supervise: false, thread: false, signal: where.signal })
  try { return await find(host, where) } finally { await host.close() }
}

async function forwards (host: Host, { values, signal }: Asked): Promise<readonly Candidate[]> {
  const { guestWords, hostWords } = await import('../../index.js')
  const found = await (await host.network(values.get('network') ?? '', { signal })).forwards.list({ signal })
  return found.map((one) => ({ text: hostWords(one), description: `to ${guestWords(one)}` }))
}

/** Links of this namespace; of another one only a host could tell. */
const links = (kind: string): Finder => async ({ given }) => {
  if (given.has('netns')) return []
  const names = await readdir('/sys/class/net')
  const those = await Promise.all(names.map(async (name) => kind === '' || (await readdir(`/sys/class/net/${name}`).catch((): string[] => [])).includes(kind)))
  return described(names.filter((_, index) => those[index]))
}

const finders: Readonly<Record<Exclude<Named, Paths | 'verb'>, Finder>> = {
  network: networks(() => true),
  'active network': networks(({ active }) => active),
  'inactive network': networks(({ active }) => !active),
  'persistent network': networks(({ persistent }) => persistent),
  uuid: networks(() => true, ({ uuid }) => uuid),
  domain: known(async (host, { signal }) => described(await host.domains({ signal }))),
  interface: known(async (host, { values, signal }) => (await host.ports({ signal })).filter(({ domain }) => domain !== undefined && domain.name === (values.get('domain') ?? domain.name)).map(({ dev, mac, network }) => ({ text: dev, description: `${mac}, network ${network}` }))),
  forward: known(forwards),
  bridge: links('bridge'),
  link: links(''),
  namespace: async () => described(await readdir('/run/netns')),
}

/** Those that begin as the word does, by name. */
export async function namesOf (named: Exclude<Named, Paths | 'verb'>, partial: string, where: Asked): Promise<readonly Candidate[]> {
  const found = await finders[named](where).catch(() => [])
  return found.filter(({ text }) => text.startsWith(partial))
}
