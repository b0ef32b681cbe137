/** The record files of one directory. Their contents never change, so each is read once; what is there is seen by listing. */
import { basename, join } from 'node:path'
import { finalName, namesIn, readIfThere } from './files.js'
import { identity } from './identity.js'
import { asStanding, parseRecord, type BatchRecord } from './record.js'

/** How the file of an intent ends that its process has given up on. */
export const ABANDONED = '.left.json'
const RECORD = '.json'
const GONE = '.gone'

/** `directory/ID.X.gone`: links of a record that stand no more. */
export const goneName = (id: string, random: string): string => `${id}.${random}${GONE}`

/** What a directory holds, of this boot. */
export interface Contents {
  readonly records: ReadonlyMap<string, BatchRecord>
  /** By the id of a record, the links of it that are gone. */
  readonly gone: ReadonlyMap<string, readonly number[]>
  /** Names of files that mean nothing any more: of an earlier boot, or about records that are gone. */
  readonly void: readonly string[]
  /** Some file is the beginning of one. */
  readonly torn: boolean
}

/** How often a directory is listed again that others change at the same moment. */
const ATTEMPTS = 20

type Known = { readonly record: BatchRecord } | { readonly of: string, readonly gone: readonly number[] } | { readonly nothing: true }

export class Shelf {
  readonly directory: string
  readonly #stands: boolean
  readonly #known = new Map<string, Known>()
  /** By the id of a record, the files about it. */
  readonly #beside = new Map<string, Set<string>>()

  /** `stands`: what is there stands, so that a network that a record changed is as it was changed to. */
  constructor (directory: string, { stands }: { readonly stands: boolean }) {
    this.directory = directory
    this.#stands = stands
  }

  /** Lists it. What vanishes between the listing and the reading may have been replaced by what is not on the list: then it is listed again. */
  async look (): Promise<Contents> {
    for (let tries = 1; ; tries++) {
      const names = await namesIn(this.directory)
      const whole = await this.#learn(names)
      if (whole || tries >= ATTEMPTS) return await this.#contents(names)
    }
  }

  async #learn (names: readonly string[]): Promise<boolean> {
    const there = new Set(names)
    for (const name of [...this.#known.keys()]) if (!there.has(name)) this.take(name)
    let whole = true
    for (const name of names) {
      if (this.#known.has(name) || !(name.endsWith(RECORD) || name.endsWith(GONE))) continue
      const text = await readIfThere(join(this.directory, name))
      if (text === undefined) whole = false
      else this.#keep(name, await this.#parse(name, text))
    }
    return whole
  }

  async #contents (names: readonly string[]): Promise<Contents> {
    const { boot } = await identity()
    const records = new Map<string, BatchRecord>()
    const gone = new Map<string, number[]>()
    const useless: string[] = []
    for (const name of names) {
      const known = this.#known.get(name)
      if (known === undefined || !('record' in known)) continue
      if (known.record.boot === boot) records.set(known.record.id, known.record)
      else useless.push(name)
    }
    for (const name of names) {
      const known = this.#known.get(name)
      if (known === undefined || !('gone' in known)) continue
      if (records.has(known.of)) gone.set(known.of, [...gone.get(known.of) ?? [], ...known.gone])
      else useless.push(name)
    }
    return { records, gone, void: useless, torn: names.some((name) => finalName(name) !== undefined) }
  }

  /** A record that we have written there. */
  put (name: string, record: BatchRecord): BatchRecord {
    const kept = this.#stands ? asStanding(record) : record
    this.#keep(name, { record: kept })
    return kept
  }

  /** What we have written about a record there. */
  strike (name: string, of: string, gone: readonly number[]): void { this.#keep(name, { of, gone }) }
  /** The files about a record. */
  beside (id: string): readonly string[] { return [...this.#beside.get(id) ?? []] }

  #keep (name: string, known: Known): void {
    this.#known.set(name, known)
    if (!('of' in known)) return
    const beside = this.#beside.get(known.of)
    if (beside === undefined) this.#beside.set(known.of, new Set([name]))
    else beside.add(name)
  }

  /** A file that has been taken away. */
  take (name: string): void {
    const known = this.#known.get(name)
    this.#known.delete(name)
    if (known === undefined || !('of' in known)) return
    const beside = this.#beside.get(known.of)
    beside?.delete(name)
    if (beside?.size === 0) this.#beside.delete(known.of)
  }

  async #parse (name: string, text: string): Promise<Known> {
    if (name.endsWith(GONE)) return { of: basename(name).split('.')[0] ?? '', gone: text.split(/\s+/).filter((word) => /^\d+$/.test(word)).map(Number) }
    const record = await parseRecord(text)
    if (record === undefined) return { nothing: true }
    if (name.endsWith(ABANDONED)) return { record: { ...record, abandoned: true } }
    return { record: this.#stands ? asStanding(record) : record }
  }
}
