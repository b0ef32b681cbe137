/**
 * The books of the graves: which links are out of use, under which link groups, until the sexton has deleted them.
 *
 *     graves/ID.json        written before the first link is renamed; its process deletes the links, then the file
 *     graves/ID.left.json   its process could not: anybody may
 *
 * A grave whose process is dead is anybody's too. Two who delete the same one do no harm: its groups are nobody else's, and a second look finds
 * nothing. A link that a killed process recorded but did not rename has still its owner's group, so no grave claims it: the journal does.
 */
import { randomBytes } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Buried, Plot } from '../kernel/burial.js'
import { plots } from '../kernel/burial.js'
import type { Yard } from '../kernel/yard.js'
import type { Forgotten } from './flows.js'
import { edit, editInside, ifEmpty, isMissing, namesIn, readIfThere, removeFile, written, absent } from './files.js'
import { identity, lives, type Identity } from './identity.js'

export interface Grave extends Identity {
  readonly version: 1
  readonly id: string
  readonly plots: readonly Plot[]
  /** Whose connections are to be forgotten before it is closed. */
  readonly flows?: readonly Forgotten[]
}

const whole = v.pipe(v.number(), v.integer(), v.minValue(1))
const form = v.object({
  version: v.literal(1), id: v.string(), boot: v.string(), process: v.object({ pid: v.number(), started: v.string() }),
  plots: v.array(v.object({ group: whole, links: v.array(v.object({ index: whole, name: v.string(), kind: v.picklist(['bridge', 'tun']) })) })),
  flows: v.exactOptional(v.array(v.object({ prefix: v.string(), subnet: v.exactOptional(v.number()), bridge: v.number() }))),
})

const LEFT = '.left.json'

export class Graves {
  readonly #directory: string
  /** Where links are buried. */
  readonly yard: Yard

  constructor (directory: string, yard: Yard) {
    this.#directory = directory
    this.yard = yard
  }

  /** Writes down where these links are to be buried; none may have been touched before. */
  async dig (links: readonly Buried[], flows: readonly Forgotten[] = []): Promise<Grave> {
    const grave: Grave = { version: 1, id: randomBytes(9).toString('hex'), ...await identity(), plots: plots(links, () => this.yard.next()), ...flows.length === 0 ? {} : { flows } }
    await editInside(this.#directory, [written(this.#file(grave), `${JSON.stringify(grave)}\n`)])
    return grave
  }

  /** All of this boot. */
  async all (): Promise<readonly Grave[]> { return (await this.#read()).map(({ grave }) => grave) }

  /** Those that anybody may clear away. */
  async orphans (): Promise<readonly Grave[]> {
    const found: Grave[] = []
    for (const { grave, left } of await this.#read()) if (left || !await lives(grave.process)) found.push(grave)
    return found
  }

  async #read (): Promise<readonly { readonly grave: Grave, readonly left: boolean }[]> {
    const { boot } = await identity()
    const found: { grave: Grave, left: boolean }[] = []
    for (const name of await namesIn(this.#directory)) {
      if (!name.endsWith('.json')) continue
      const grave = parse(await readIfThere(join(this.#directory, name)) ?? '')
      if (grave === undefined) continue
      if (grave.boot === boot) found.push({ grave, left: name.endsWith(LEFT) })
      else await removeFile(join(this.#directory, name)) // what it names went with its boot
    }
    return found
  }

  /** Its process gives up: whoever comes next may go on with it. */
  async abandon (grave: Grave): Promise<void> {
    await rename(this.#file(grave), this.#file(grave, LEFT)).catch((error: unknown) => { if (!isMissing(error)) throw error })
  }

  /** Its links are gone. */
  async close (grave: Grave): Promise<void> {
    await edit([absent(this.#file(grave)), absent(this.#file(grave, LEFT)), ifEmpty(this.#directory, 4)]) // up to ROOT/run/netwright, as Book.tidy
  }

  #file ({ id }: Grave, end = '.json'): string { return join(this.#directory, `${id}${end}`) }
}

function parse (text: string): Grave | undefined {
  let data: unknown
  try { data = JSON.parse(text) } catch { return undefined }
  const result = v.safeParse(form, data)
  return result.success ? result.output : undefined
}
