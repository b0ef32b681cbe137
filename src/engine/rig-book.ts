/**
 * The books of made namespaces: one record for each rig, in the run directory of the parent.
 *
 *     rigs/ID.json        written before the first of its namespaces has a name; its process drops them, then removes the file
 *     rigs/ID.left.json   its process could not: anybody may
 *
 * A record whose process is dead is anybody's too: what it names is removed by the next host of this owner, or by the process's reaper. A namespace is known
 * by its cookie; one of that name with another cookie is a stranger's.
 */
import { randomBytes } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import type { FileChange } from '../netlink/native.js'
import { locked, type Context } from './context.js'
import { edit, editInside, finalName, ifEmpty, isMissing, namesIn, readIfThere, removeFile, removeTemps, written, absent } from './files.js'
import { identity, lives, type Identity } from './identity.js'

/** A namespace that one of us made. `id` as in Netns; `nsid`: its number in the parent, which is gone when it is. */
export interface Made { readonly name: string, readonly id: string, readonly nsid: number }

export interface RigRecord extends Identity {
  readonly version: 1
  readonly id: string
  readonly namespaces: readonly Made[]
}

const form = v.object({
  version: v.literal(1), id: v.string(), boot: v.string(), process: v.object({ pid: v.number(), started: v.string() }),
  namespaces: v.array(v.object({ name: v.string(), id: v.pipe(v.string(), v.regex(/^(?:inode-)?\d+$/)), nsid: v.number() })),
})

const LEFT = '.left.json'

export class RigBook {
  readonly #directory: string

  constructor (directory: string) { this.#directory = directory }

  async write (namespaces: readonly Made[]): Promise<RigRecord> {
    const record: RigRecord = { version: 1, id: randomBytes(9).toString('hex'), ...await identity(), namespaces }
    await editInside(this.#directory, [written(this.#file(record), `${JSON.stringify(record)}\n`)])
    return record
  }

  /** Those that anybody may clear away. */
  async orphans (): Promise<readonly RigRecord[]> {
    const { boot } = await identity()
    const found: RigRecord[] = []
    for (const name of await namesIn(this.#directory)) {
      const record = name.endsWith('.json') ? parse(await readIfThere(join(this.#directory, name)) ?? '') : undefined
      if (record === undefined) continue
      if (record.boot !== boot) await removeFile(join(this.#directory, name)) // what it names went with its boot
      else if (name.endsWith(LEFT) || !await lives(record.process)) found.push(record)
    }
    return found
  }

  /** Its process gives up: whoever comes next may go on with it. */
  async abandon (record: RigRecord): Promise<void> {
    await rename(this.#file(record), this.#file(record, LEFT)).catch((error: unknown) => { if (!isMissing(error)) throw error })
  }

  /** Its namespaces are gone. */
  async close (record: RigRecord): Promise<void> {
    await edit([absent(this.#file(record)), absent(this.#file(record, LEFT)), this.#tidy])
  }

  async tidy (): Promise<void> { await edit([this.#tidy]) }

  get #tidy (): FileChange { return ifEmpty(this.#directory, 4) } // up to ROOT/run/netwright, as Book.tidy

  /** Whether a killed process has begun to write. */
  async littered (): Promise<boolean> { return (await namesIn(this.#directory)).some((name) => finalName(name) !== undefined) }

  /** Removes that, under the lock that whoever writes holds. */
  async sweep (context: Context): Promise<void> {
    await locked(context, 'recover', undefined, async () => { await removeTemps(this.#directory) })
    await this.tidy()
  }

  #file ({ id }: RigRecord, end = '.json'): string { return join(this.#directory, `${id}${end}`) }
}

function parse (text: string): RigRecord | undefined {
  let data: unknown
  try { data = JSON.parse(text) } catch { return undefined }
  const result = v.safeParse(form, data)
  return result.success ? result.output : undefined
}
