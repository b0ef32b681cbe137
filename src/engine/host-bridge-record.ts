/** What is written down about a host bridge before anything is changed: enough to take it back byte for byte, whoever does it. */
import { join } from 'node:path'
import * as v from 'valibot'
import { edit, editInside, ifEmpty, namesIn, readIfThere, written, absent } from './files.js'
import { identity } from './identity.js'
import { fileName, type Places } from './places.js'

const known = v.object({ name: v.string(), index: v.pipe(v.number(), v.integer(), v.minValue(1)) })
const texts = v.pipe(v.array(v.string()), v.readonly())
const footprint = v.object({ at: v.number(), addresses: texts, routes: texts, neighbours: texts })
export const definition = v.object({
  name: v.string(), uplink: v.exactOptional(v.string()), vlan: v.exactOptional(v.number()),
  bond: v.exactOptional(v.object({ members: texts, mode: v.exactOptional(v.picklist(['balance-rr', 'active-backup', 'balance-xor', 'broadcast', '802.3ad', 'balance-tlb', 'balance-alb'])), name: v.exactOptional(v.string()) })),
})
const standing = {
  version: v.literal(1), boot: v.string(), definition,
  bridge: known,
  /** The link that is its port. */
  port: known,
  /** Links beside the bridge that were made for it, in that order. */
  made: v.array(known),
  /** Where the addresses went: the bridge, or the bond where the bridge is over a VLAN of it. */
  target: known,
  /** The links whose addresses those are, as they were. */
  sources: v.array(v.object({ ...known.entries, addrGenMode: v.exactOptional(v.number()), footprint })),
}
const kept = v.object({ ...standing, state: v.literal('kept') })
/** Whose end takes it back. */
const process = v.object({ pid: v.number(), started: v.string() })
/** `deadline`: milliseconds of CLOCK_MONOTONIC. */
const creation = v.object({ ...standing, state: v.literal('trial'), change: v.literal('create'), process, deadline: v.number() })
/** `before`: the bridge's, as it was. */
const removal = v.object({ ...standing, state: v.literal('trial'), change: v.literal('remove'), process, deadline: v.number(), before: footprint })
const form = v.union([kept, creation, removal])

export type KeptRecord = v.InferOutput<typeof kept>
export type CreationRecord = v.InferOutput<typeof creation>
export type RemovalRecord = v.InferOutput<typeof removal>
export type HostBridgeRecord = KeptRecord | CreationRecord | RemovalRecord
export type Source = CreationRecord['sources'][number]

/** Directories of ours above a record: host-bridges, OWNER, netns-ID, netwright. */
const LEVELS = 4

export class HostBridgeBook {
  readonly directory: string
  constructor ({ hostBridges }: Pick<Places, 'hostBridges'>) { this.directory = hostBridges }

  path (name: string): string { return join(this.directory, `${fileName(name)}.json`) }

  async read (name: string): Promise<HostBridgeRecord | undefined> { return await readRecord(this.path(name)) }

  async list (): Promise<HostBridgeRecord[]> {
    const found = await Promise.all((await namesIn(this.directory)).filter((name) => name.endsWith('.json')).map(async (name) => await readRecord(join(this.directory, name))))
    return found.filter((record) => record !== undefined)
  }
}

/** Undefined where there is none of this boot, or somebody else's file. */
export async function readRecord (path: string): Promise<HostBridgeRecord | undefined> {
  const text = await readIfThere(path)
  if (text === undefined) return undefined
  let data: unknown
  try { data = JSON.parse(text) } catch { return undefined }
  const parsed = v.safeParse(form, data)
  return parsed.success && parsed.output.boot === (await identity()).boot ? parsed.output : undefined
}

/** Renamed into place. Callers hold the lock. */
export async function writeRecord (path: string, record: HostBridgeRecord): Promise<void> {
  await editInside(join(path, '..'), [written(path, `${JSON.stringify(record)}\n`)])
}

/** With directories that are empty. Callers hold the lock. */
export async function dropRecord (path: string): Promise<void> {
  await edit([absent(path), ifEmpty(join(path, '..'), LEVELS)])
}
