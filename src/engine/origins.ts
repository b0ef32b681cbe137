/**
 * Which file a network or a port was made from: what `--prune` goes by. Beside the definitions, `networks/sources.json`, durable as they are. What is made
 * by hand has no entry; an entry is known by uuid (a port by its name and MAC too), so that another network of the same name is not taken for it.
 */
import { basename, dirname, join } from 'node:path'
import * as v from 'valibot'
import { mapSlowly } from '../netlink/breathe.js'
import type { Definition } from '../network/spec.js'
import type { Context } from './context.js'
import { makeDirectory, namesIn, readIfThere, removeFile, syncDirectory, writeAtomic } from './files.js'
import type { NetworkState } from './state.js'

const origin = v.object({
  source: v.string(), network: v.string(), uuid: v.string(), dev: v.exactOptional(v.string()), mac: v.exactOptional(v.string()),
  /** Of what is not stored, and so is of one namespace only. */
  netns: v.exactOptional(v.string()),
})
export type Origin = v.InferOutput<typeof origin>
const frame = v.object({ version: v.literal(1), sources: v.array(v.unknown()) })

const pathOf = ({ places }: Context): string => join(places.networks, 'sources.json')
const netnsOf = ({ places }: Context): string => basename(dirname(places.run))

/** What is on record, of this namespace and of stored networks. A file that is none of ours says nothing; it is logged. */
export async function readOrigins (context: Context): Promise<readonly Origin[]> {
  const here = netnsOf(context)
  return (await readAll(context)).filter(({ netns }) => netns === undefined || netns === here)
}

async function readAll (context: Context): Promise<readonly Origin[]> {
  const path = pathOf(context)
  const text = await readIfThere(path)
  if (text === undefined) return []
  try { return await mapSlowly(v.parse(frame, JSON.parse(text)).sources, (one) => v.parse(origin, one)) } catch (error) {
    context.logger.warn({ path, err: error }, `${path} cannot be read: nobody knows which file a network was made from, and nothing is pruned`)
    return []
  }
}

const keyOf = ({ uuid, dev = '', mac = '', netns = '' }: Origin): string => [uuid, dev, mac, netns].join(' ')

/** Writes down where these networks, which are all that there are, and their ports come from; of two that are the same the first counts. Callers hold the lock of the definitions. Nothing is written where nothing changes. */
export async function writeOrigins (context: Context, states: readonly NetworkState[]): Promise<void> {
  const here = netnsOf(context)
  const [before, alive] = await Promise.all([readAll(context), namesIn(dirname(dirname(context.places.run)))])
  const elsewhere = before.filter(({ netns }) => netns !== undefined && netns !== here && alive.includes(netns))
  const sources = [...new Map([...elsewhere, ...states.flatMap((state) => originsOf(state, here))].toReversed().map((one) => [keyOf(one), one])).values()].toReversed()
  await write(context, before, sources)
}

/** A network that is gone, or that somebody makes anew by hand, has no source any more, though it had that uuid before: `--prune` must not take it for the file's. Callers hold the lock of the definitions. */
export async function dropOrigins (context: Context, { name, uuid }: Pick<Definition, 'name' | 'uuid'>): Promise<void> {
  const here = netnsOf(context)
  const before = await readAll(context)
  const rest = before.filter((one) => one.uuid !== uuid || one.network !== name || (one.netns !== undefined && one.netns !== here))
  if (rest.length < before.length) await write(context, before, rest)
}

async function write (context: Context, before: readonly Origin[], sources: readonly Origin[]): Promise<void> {
  const text = (await mapSlowly(sources, (one) => JSON.stringify(one))).join(',\n')
  if (text === (await mapSlowly(before, (one) => JSON.stringify(one))).join(',\n')) return
  const path = pathOf(context)
  if (sources.length === 0) {
    if (await removeFile(path)) await syncDirectory(dirname(path))
    return
  }
  await makeDirectory(dirname(path), 0o755)
  await writeAtomic(path, `{"version":1,"sources":[\n${text}\n]}\n`, { durable: true })
}

function originsOf ({ name, stored, running, source, ports }: NetworkState, here: string): Origin[] {
  const uuid = (stored ?? running)?.uuid
  if (uuid === undefined) return []
  return [
    ...source === undefined ? [] : [{ source, network: name, uuid, ...stored === undefined ? { netns: here } : {} }],
    ...ports.flatMap(({ source: from, dev, mac }) => from === undefined ? [] : [{ source: from, network: name, uuid, dev, mac, netns: here }]),
  ]
}
