/** The record files of one directory. Their contents never change, so each is read once; what is there is seen by listing, which whoever has the lock does once. */
import { basename, join } from 'node:path'
import { finalName, lookInto, namesIn } from './files.js'
import { identity } from './identity.js'
import { asStanding, parseRecord, type BatchRecord } from './record.js'

/** How the file of an intent ends that its process has given up on. */
export const ABANDONED = '.left.json'
const RECORD = '.json'
const GONE = '.gone'

/** `directory/ID.X.gone`: links of a record that stand no more, one a line. Of a few of them X are the indexes, and the file is empty: that needs no room on a full disk. */
export const goneName = (id: string, x: string): string => `${id}.${x}${GONE}`
/** So many: a name has 255 bytes, and the number of a link ten digits. */
export const NAMED = 16

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
/** So many files are read in one go. */
const PORTION = 64

type Known = { readonly record: BatchRecord } | { readonly of: string, readonly gone: readonly number[] } | { readonly nothing: true }

export class Shelf {
  readonly directory: string
  readonly #stands: boolean
  readonly #known = new Map<string, Known>()
  #names = new Set<string>()
  /** Counts what we change: a listing that was begun before is old. */
  #changes = 0
  #last: Promise<unknown> = Promise.resolve()
  /** A look that is to come. */
  #next: Promise<Contents> | undefined
  /** By the id of a record, the files about it. */
  readonly #beside = new Map<string, Set<string>>()

  /** `stands`: what is there stands, so that a network that a record changed is as it was changed to. */
  constructor (directory: string, { stands }: { readonly stands: boolean }) {
    this.directory = directory
    this.#stands = stands
  }

  /** Lists it, unless `listed` says what is there. Those who ask while somebody looks share the next look. */
  async look (listed?: readonly string[]): Promise<Contents> {
    if (listed !== undefined) return await this.#after(async () => await this.#look(listed))
    this.#next ??= this.#after(async () => {
      this.#next = undefined
      return await this.#look()
    })
    return await this.#next
  }

  /** One look at a time. */
  #after (look: () => Promise<Contents>): Promise<Contents> {
    const mine = this.#last.then(look)
    this.#last = mine.catch(() => undefined)
    return mine
  }

  /** What vanishes between the listing and the reading may have been replaced by what is not on the list: then it is listed again. */
  async #look (listed?: readonly string[]): Promise<Contents> {
    for (let tries = 1; ; tries++) {
      const before = this.#changes
      const names = (tries === 1 ? listed : undefined) ?? await namesIn(this.directory)
      const whole = before === this.#changes && await this.#learn(names)
      if (whole || tries >= ATTEMPTS) return await this.remembered()
    }
  }

  /** What is there, as it was listed last and changed by us since. */
  get names (): ReadonlySet<string> { return this.#names }
  /** How many of them are more than the beginning of one. */
  get holds (): number { return [...this.#names].filter((name) => finalName(name) === undefined).length }

  /** False where not all of it was there. */
  async #learn (names: readonly string[]): Promise<boolean> {
    const now = this.#changes
    this.#names = new Set(names)
    for (const name of this.#known.keys()) if (!this.#names.has(name)) this.#forget(name)
    const fresh = names.filter((name) => !this.#known.has(name) && (name.endsWith(RECORD) || name.endsWith(GONE)))
    if (fresh.length === 0) return true
    let whole = true
    for (let from = 0; from < fresh.length; from += PORTION) {
      const some = fresh.slice(from, from + PORTION)
      const texts = await lookInto(some.map((name) => join(this.directory, name)))
      for (const [i, name] of some.entries()) {
        const text = texts[i]
        const known = typeof text === 'string' ? await this.#parse(name, text) : undefined
        if (now !== this.#changes) return false
        if (known === undefined) whole = false
        else this.#keep(name, known)
      }
    }
    return whole
  }

  /** As it was listed last, and changed by us since: right for whoever has had the lock since then. */
  async remembered (): Promise<Contents> {
    const names = [...this.#names]
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
    this.#changes++
    this.#keep(name, { record: kept })
    return kept
  }

  /** What we have written about a record there. */
  strike (name: string, of: string, gone: readonly number[]): void {
    this.#changes++
    this.#keep(name, { of, gone })
  }

  /** The files about a record. */
  beside (id: string): readonly string[] { return [...this.#beside.get(id) ?? []] }

  #keep (name: string, known: Known): void {
    this.#known.set(name, known)
    this.#names.add(name)
    if (!('of' in known)) return
    const beside = this.#beside.get(known.of)
    if (beside === undefined) this.#beside.set(known.of, new Set([name]))
    else beside.add(name)
  }

  /** A file that has been taken away. */
  take (name: string): void {
    this.#changes++
    this.#forget(name)
  }

  #forget (name: string): void {
    const known = this.#known.get(name)
    this.#known.delete(name)
    this.#names.delete(name)
    if (known === undefined || !('of' in known)) return
    const beside = this.#beside.get(known.of)
    beside?.delete(name)
    if (beside?.size === 0) this.#beside.delete(known.of)
  }

  async #parse (name: string, text: string): Promise<Known> {
    if (name.endsWith(GONE)) {
      const [of = '', indexes = ''] = basename(name).split('.')
      const words = text === '' ? indexes.split('-') : text.split(/\s+/)
      return { of, gone: words.filter((word) => /^\d+$/.test(word)).map(Number) }
    }
    const record = await parseRecord(text)
    if (record === undefined) return { nothing: true }
    if (name.endsWith(ABANDONED)) return { record: { ...record, abandoned: true } }
    return { record: this.#stands ? asStanding(record) : record }
  }
}
