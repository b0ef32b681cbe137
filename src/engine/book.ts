/** The books of one owner in one namespace: journal and standing records. Reads only what changed since the last look. Callers hold the lock where they write. */
import { randomBytes } from 'node:crypto'
import { rename, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { finalName, isFull, isMissing, makeDirectory, namesIn, readIfThere, removeEmpty, removeFile, removeTemps, writeAtomic } from './files.js'
import { identity } from './identity.js'
import type { Places } from './places.js'
import { asStanding, formatRecord, parseRecord, type BatchRecord, type NetworkRecord, type PortRecord, type UpdateRecord } from './record.js'

/** What a batch is of, and whether its record may use the room that is kept free for removals. */
export interface Content { readonly networks?: readonly NetworkRecord[], readonly ports?: readonly PortRecord[], readonly updates?: readonly UpdateRecord[], readonly follows?: string, readonly removal?: boolean }

/** How often a directory is read again, or made again, that others change at the same moment. */
const ATTEMPTS = 20
/** Bytes, at least. */
const SPARE = 16_384
/** How the file of an intent ends that its process has given up on. */
const ABANDONED = '.left.json'

export class Book {
  readonly #places: Places
  readonly #lifetime: string | undefined
  /** By directory and file name; a record file never changes its content, a changed batch gets a new name. */
  readonly #known = new Map<string, BatchRecord | undefined>()

  /** What all owners of the namespace share lies there, written under the same lock. */
  readonly #shared: string
  readonly #sharedNames: ReadonlySet<string>

  /** `lifetime`: who ends with our process, as what is made is marked. */
  constructor (places: Places, lifetime?: string) {
    this.#places = places
    this.#lifetime = lifetime
    this.#shared = dirname(places.lock)
    this.#sharedNames = new Set([places.claim, places.forwarding].map((path) => basename(path)))
  }

  /** What stands, of this boot, each network and port once: while a record is replaced, both are there. */
  async standing (): Promise<readonly BatchRecord[]> { return distinct(await this.#read(this.#places.standing)) }
  /** What is being made or removed, or was when its process died. */
  async journal (): Promise<readonly BatchRecord[]> { return await this.#read(this.#places.journal) }

  /** A record that vanishes between the listing and the reading may have been replaced by one that is not on the list: then all is read again. */
  async #read (directory: string): Promise<readonly BatchRecord[]> {
    const { boot } = await identity()
    for (let tries = 1; ; tries++) {
      const { records, vanished } = await this.#once(directory)
      if (!vanished || tries >= ATTEMPTS) return records.filter((record) => record.boot === boot)
    }
  }

  async #once (directory: string): Promise<{ readonly records: readonly BatchRecord[], readonly vanished: boolean }> {
    const paths = new Set((await namesIn(directory)).filter((name) => name.endsWith('.json')).map((name) => join(directory, name)))
    for (const path of this.#known.keys()) if (path.startsWith(`${directory}/`) && !paths.has(path)) this.#known.delete(path)
    const records: BatchRecord[] = []
    let vanished = false
    for (const path of paths) {
      if (!this.#known.has(path)) {
        const text = await readIfThere(path)
        if (text === undefined) { vanished = true; continue }
        const parsed = await parseRecord(text)
        const record = parsed === undefined || directory !== this.#places.standing ? parsed : asStanding(parsed)
        this.#known.set(path, record === undefined || !path.endsWith(ABANDONED) ? record : { ...record, abandoned: true })
      }
      const record = this.#known.get(path)
      if (record !== undefined) records.push(record)
    }
    return { records, vanished }
  }

  /** Writes an intent. Nothing that it names may have been touched before. */
  async intend (purpose: string, { networks = [], ports = [], updates = [], follows, removal = false }: Content): Promise<BatchRecord> {
    const record: BatchRecord = { version: 1, id: freshId(), ...await identity(), purpose, networks, ports, ...updates.length === 0 ? {} : { updates }, ...follows === undefined ? {} : { follows }, ...this.#lifetime === undefined ? {} : { lifetime: this.#lifetime } }
    const text = await formatRecord(record)
    if (!removal) await this.#keepRoom(Buffer.byteLength(text))
    await this.#write(this.#places.journal, record, { text, removal })
    return record
  }

  /** The intent is done: all of it stands. */
  async stand (record: BatchRecord): Promise<void> {
    const [from, to] = [this.#file(this.#places.journal, record), this.#file(this.#places.standing, record)]
    await this.#inside(this.#places.standing, async () => { await rename(from, to) })
    this.#known.delete(from)
    this.#known.set(to, asStanding(record))
  }

  /** The intent is void: nothing that it names was touched, or all of it is as before. */
  async drop (record: BatchRecord): Promise<void> {
    await removeFile(this.#file(this.#places.journal, record))
    await this.tidy()
  }

  /** From now on whoever comes next may finish or undo it, although our process lives. */
  async abandon (record: BatchRecord): Promise<void> {
    if (record.abandoned === true) return
    await rename(this.#file(this.#places.journal, record), this.#file(this.#places.journal, { ...record, abandoned: true }))
  }

  /** What the intent names is gone: takes it out of what stands, then drops the intent, then directories that are empty. */
  async gone (record: BatchRecord): Promise<void> {
    const seen = indexesOf(record)
    const empty: string[] = []
    const standing = await this.#read(this.#places.standing)
    const newest = distinct(standing) // a killed process may have left the old record beside its replacement
    for (const [i, old] of standing.entries()) {
      const rest = { ...without(newest[i] ?? old, seen), id: freshId() }
      if (rest.networks.length === old.networks.length && rest.ports.length === old.ports.length) continue
      if (rest.networks.length + rest.ports.length === 0) { empty.push(this.#file(this.#places.standing, old)); continue }
      await this.#write(this.#places.standing, rest, { text: await formatRecord(rest), removal: true })
      await removeFile(this.#file(this.#places.standing, old))
    }
    await Promise.all(empty.map(removeFile))
    await removeFile(this.#file(this.#places.journal, record))
    await this.tidy()
  }

  /** Whether a killed process left the beginning of a record, or an earlier boot its records (below a root that is not in memory). */
  async littered (): Promise<boolean> {
    if ((await this.#voided()).length > 0) return true
    const { journal, standing, graves } = this.#places
    const shared = (await namesIn(this.#shared)).filter((name) => this.#sharedNames.has(finalName(name) ?? ''))
    return [...await namesIn(journal), ...await namesIn(standing), ...await namesIn(graves), ...shared].some((name) => finalName(name) !== undefined)
  }

  /** Records of an earlier boot: what they name went with it. */
  async #voided (): Promise<readonly string[]> {
    const { boot } = await identity()
    await this.standing()
    await this.journal()
    return [...this.#known].flatMap(([path, record]) => record !== undefined && record.boot !== boot ? [path] : [])
  }

  /** Removes what `littered` sees. Callers hold the lock. */
  async sweep (): Promise<void> {
    for (const path of await this.#voided()) await removeFile(path)
    await removeTemps(this.#places.journal)
    await removeTemps(this.#places.standing)
    await removeTemps(this.#places.graves)
    await removeTemps(this.#shared, this.#sharedNames)
  }

  /** Removes directories that are empty, and the room that nothing needs any more. */
  async tidy (): Promise<void> {
    const { journal, standing, spare } = this.#places
    if ((await namesIn(journal)).length + (await namesIn(standing)).length === 0) await removeFile(spare)
    await removeEmpty(this.#places.journal, 1)
    await removeEmpty(this.#places.standing, 1)
    await removeEmpty(this.#places.graves, 1)
    await removeEmpty(this.#places.run, 3)
    await removeEmpty(dirname(this.#places.lock), 1)
  }

  /** `removal`: where the disk is full, the room that was kept is used. */
  async #write (directory: string, record: BatchRecord, { text, removal }: { readonly text: string, readonly removal: boolean }): Promise<void> {
    const path = this.#file(directory, record)
    const write = async (): Promise<void> => { await this.#inside(directory, async () => { await writeAtomic(path, text, { durable: false }) }) }
    try { await write() } catch (error) {
      if (!removal || !isFull(error) || !await removeFile(this.#places.spare)) throw error
      await write()
    }
    this.#known.set(path, record)
  }

  /** Makes the directory first; another process may remove it at the same moment, since it is empty. */
  async #inside (directory: string, work: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      await makeDirectory(directory)
      try { await work(); return } catch (error) { if (!isMissing(error) || tries >= ATTEMPTS) throw error }
    }
  }

  /** What starts must be able to stop: room for the intent and for a record that replaces another, on the same file system. */
  async #keepRoom (bytes: number): Promise<void> {
    const size = Math.max(SPARE, 2 * bytes)
    const { run, spare } = this.#places
    const now = await stat(spare).then((found) => found.size, () => 0)
    if (now < size) await this.#inside(run, async () => { await writeFile(spare, Buffer.alloc(size), { mode: 0o600 }) })
  }

  #file (directory: string, { id, abandoned = false }: BatchRecord): string { return join(directory, `${id}${abandoned ? ABANDONED : '.json'}`) }
}

const freshId = (): string => randomBytes(9).toString('hex')

const indexesOf = ({ networks, ports }: Pick<BatchRecord, 'networks' | 'ports'>): Set<number> => new Set([...networks.map(({ bridge }) => bridge.index), ...ports.map(({ link }) => link.index)])

function without (record: BatchRecord, indexes: ReadonlySet<number>): BatchRecord {
  return { ...record, networks: record.networks.filter(({ bridge }) => !indexes.has(bridge.index)), ports: record.ports.filter(({ link }) => !indexes.has(link.index)) }
}

/** Each network and port once, at the place of its newest record: an updated one has a higher revision. */
function distinct (records: readonly BatchRecord[]): readonly BatchRecord[] {
  const latest = new Map<number, number>()
  for (const { networks } of records) for (const { bridge: { index }, revision = 0 } of networks) latest.set(index, Math.max(revision, latest.get(index) ?? 0))
  const seen = new Set<number>()
  return records.map((record) => {
    const old = new Set(record.networks.flatMap(({ bridge: { index }, revision = 0 }) => revision < (latest.get(index) ?? 0) ? [index] : []))
    for (const index of indexesOf(record)) if (seen.has(index)) old.add(index); else if (!old.has(index)) seen.add(index)
    return old.size === 0 ? record : without(record, old)
  })
}
