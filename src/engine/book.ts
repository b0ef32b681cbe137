/** The books of one owner in one namespace: journal and standing records. Reads only what changed since the last look. Callers hold the lock where they write. */
import { randomBytes } from 'node:crypto'
import { readdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isMissing, makeDirectory, readIfThere, removeEmpty, removeFile, writeAtomic } from './files.js'
import { identity } from './identity.js'
import type { Places } from './places.js'
import { parseRecord, type BatchRecord, type NetworkRecord, type PortRecord } from './record.js'

export class Book {
  readonly #places: Places
  /** By directory and file name; a record file never changes its content, a changed batch gets a new name. */
  readonly #known = new Map<string, BatchRecord | undefined>()

  constructor (places: Places) { this.#places = places }

  /** What stands, of this boot. */
  async standing (): Promise<readonly BatchRecord[]> { return await this.#read(this.#places.standing) }
  /** What is being made or removed, or was when its process died. */
  async journal (): Promise<readonly BatchRecord[]> { return await this.#read(this.#places.journal) }

  async #read (directory: string): Promise<readonly BatchRecord[]> {
    const { boot } = await identity()
    const names = (await list(directory)).filter((name) => name.endsWith('.json'))
    const paths = new Set(names.map((name) => join(directory, name)))
    for (const path of this.#known.keys()) if (path.startsWith(`${directory}/`) && !paths.has(path)) this.#known.delete(path)
    const records: BatchRecord[] = []
    for (const path of paths) {
      if (!this.#known.has(path)) {
        const text = await readIfThere(path)
        if (text === undefined) continue
        this.#known.set(path, parseRecord(text))
      }
      const record = this.#known.get(path)
      if (record !== undefined && record.boot === boot) records.push(record)
    }
    return records
  }

  /** Writes an intent. Nothing that it names may have been touched before. */
  async intend (purpose: string, content: { readonly networks?: readonly NetworkRecord[], readonly ports?: readonly PortRecord[] }): Promise<BatchRecord> {
    const record: BatchRecord = { version: 1, id: freshId(), ...await identity(), purpose, networks: content.networks ?? [], ports: content.ports ?? [] }
    await makeDirectory(this.#places.journal)
    await makeDirectory(this.#places.standing)
    await this.#write(this.#places.journal, record)
    return record
  }

  /** The intent is done: all of it stands. */
  async stand (record: BatchRecord): Promise<void> {
    await makeDirectory(this.#places.standing) // another process may have removed it while it was empty
    const [from, to] = [this.#file(this.#places.journal, record), this.#file(this.#places.standing, record)]
    await rename(from, to)
    this.#known.delete(from)
    this.#known.set(to, record)
  }

  /** What the intent names is gone: takes it out of what stands, then drops the intent, then directories that are empty. */
  async gone (record: BatchRecord): Promise<void> {
    const networks = new Set(record.networks.map((network) => network.bridge.index))
    const ports = new Set(record.ports.map((port) => port.link.index))
    for (const old of await this.standing()) {
      const rest = { ...old, id: freshId(), networks: old.networks.filter((n) => !networks.has(n.bridge.index)), ports: old.ports.filter((p) => !ports.has(p.link.index)) }
      if (rest.networks.length === old.networks.length && rest.ports.length === old.ports.length) continue
      if (rest.networks.length + rest.ports.length > 0) await this.#write(this.#places.standing, rest)
      await removeFile(this.#file(this.#places.standing, old))
    }
    await removeFile(this.#file(this.#places.journal, record))
    await this.tidy()
  }

  /** Removes directories that are empty. */
  async tidy (): Promise<void> {
    await removeEmpty(this.#places.journal, 1)
    await removeEmpty(this.#places.standing, 1)
    await removeEmpty(this.#places.run, 3)
    await removeEmpty(dirname(this.#places.lock), 1)
  }

  async #write (directory: string, record: BatchRecord): Promise<void> {
    const path = this.#file(directory, record)
    await writeAtomic(path, JSON.stringify(record), { durable: false })
    this.#known.set(path, record)
  }

  #file (directory: string, record: BatchRecord): string { return join(directory, `${record.id}.json`) }
}

const freshId = (): string => randomBytes(9).toString('hex')

async function list (directory: string): Promise<string[]> {
  try { return await readdir(directory) } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
