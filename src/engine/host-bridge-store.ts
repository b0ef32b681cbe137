/** Definitions of host bridges, which are made again at boot: one JSON file each. Durable. */
import { join } from 'node:path'
import * as v from 'valibot'
import type { Logger } from '../log.js'
import { makeDirectory, namesIn, readIfThere, removeFile, removeTemps, syncDirectory, writeAtomic } from './files.js'
import { definition, type HostBridgeRecord } from './host-bridge-record.js'
import { fileName } from './places.js'

export type HostBridgeDefinition = HostBridgeRecord['definition']

export class HostBridgeStore {
  readonly #directory: string
  readonly #logger: Logger
  constructor (directory: string, logger: Logger) {
    this.#directory = directory
    this.#logger = logger
  }

  #path (name: string): string { return join(this.#directory, `${fileName(name)}.json`) }

  /** Writes nothing where it says so already: /etc may be read-only at boot. Returns the way back to what was there. */
  async save (wanted: HostBridgeDefinition): Promise<() => Promise<void>> {
    const path = this.#path(wanted.name)
    const text = `${JSON.stringify(wanted, undefined, 2)}\n`
    const before = await readIfThere(path)
    if (before !== text) await this.#write(path, text)
    return async () => {
      if (before === undefined) await this.remove(wanted.name)
      else if (before !== text) await this.#write(path, before)
    }
  }

  async #write (path: string, text: string): Promise<void> {
    await makeDirectory(this.#directory, 0o755)
    await removeTemps(this.#directory)
    await writeAtomic(path, text, { durable: true, mode: 0o644 })
  }

  async remove (name: string): Promise<boolean> {
    const removed = await removeFile(this.#path(name))
    if (removed) await syncDirectory(this.#directory)
    return removed
  }

  /** By name. A file that cannot be used is skipped and logged, never changed. */
  async list (): Promise<HostBridgeDefinition[]> {
    const names = (await namesIn(this.#directory)).filter((name) => name.endsWith('.json')).sort()
    const found = await Promise.all(names.map(async (name) => await this.#read(join(this.#directory, name))))
    return found.filter((one) => one !== undefined)
  }

  async #read (path: string): Promise<HostBridgeDefinition | undefined> {
    try { return v.parse(definition, JSON.parse(await readIfThere(path) ?? 'null')) } catch (error) {
      this.#logger.warn({ path, err: error }, `${path} is not a host bridge`)
      return undefined
    }
  }
}
