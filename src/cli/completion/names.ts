/** What there is of the things that parameters name. Looks only, and finds nothing where it may not look. */
import { readdir } from 'node:fs/promises'
import type { NetworkInfo } from '../../index.js'
import type { Named } from '../command.js'
import { placeOf, type Given } from '../globals.js'
import type { Candidate } from './wish.js'

/** What the shells complete themselves. */
export type Paths = Extract<Named, 'file' | 'directory'>

/** Where to look. */
export interface Surroundings { readonly given: Given, readonly environment: Readonly<Record<string, string | undefined>>, readonly signal: AbortSignal }

type Finder = (where: Surroundings) => Promise<readonly Candidate[]>

const described = (texts: readonly string[]): readonly Candidate[] => texts.map((text) => ({ text, description: '' }))

const networks = (wanted: (network: NetworkInfo) => boolean, text: (network: NetworkInfo) => string = ({ name }) => name): Finder => async ({ given, environment, signal }) => {
  const { listNetworks } = await import('../../index.js')
  const { log: _, ...place } = placeOf(given, environment)
  const found = (await listNetworks({ ...place, signal })).filter(wanted)
  return found.map((network) => ({ text: text(network), description: `${network.mode} network, ${network.active ? 'active' : 'inactive'}` }))
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
  bridge: links('bridge'),
  link: links(''),
  namespace: async () => described(await readdir('/run/netns')),
}

/** Those that begin as the word does, by name. */
export async function namesOf (named: Exclude<Named, Paths | 'verb'>, partial: string, where: Surroundings): Promise<readonly Candidate[]> {
  const found = await finders[named](where).catch(() => [])
  return found.filter(({ text }) => text.startsWith(partial))
}
