/** Stored definitions: one XML file each, as `virsh net-define` keeps them, and a symbolic link for autostart. Durable: they outlive a power cut. */
import { readdir, readlink, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError, isError } from '../errors.js'
import type { Logger } from '../log.js'
import type { Definition } from '../network/spec.js'
import { pacer } from '../netlink/breathe.js'
import { isDefinition } from '../network/complete.js'
import { readNetworkXml } from '../network/xml/read.js'
import { storedXml } from '../network/xml/write.js'
import { finalName, isMissing, makeDirectory, readIfThere, removeFile, removeTemps, syncDirectory, writeAtomic } from './files.js'
import { fileName } from './places.js'
import { Spoken } from './spoken.js'

export interface Stored { readonly definition: Definition, readonly path: string }

/** Milliseconds: the kernel's clock for files ticks every 1 to 10. */
const COARSE = 50
/** So many files are looked for one by one. */
const FEW = 4

export class Store {
  readonly #directory: string
  readonly #autostart: string
  readonly #logger: Logger
  /** By path; valid while inode, size and time of change are the same. */
  readonly #known = new Map<string, { readonly mark: string, readonly stored: Stored | undefined }>()

  #spoken: { readonly version: string | undefined, readonly spoken: Spoken } | undefined

  constructor (directory: string, logger: Logger) {
    this.#directory = directory
    this.#autostart = join(directory, 'autostart')
    this.#logger = logger
  }

  /** Every definition, in no particular order. A file that cannot be used is skipped and logged, never changed. */
  async list (): Promise<readonly Stored[]> {
    const names = (await entries(this.#directory)).filter((name) => name.endsWith('.xml'))
    const paths = new Set(names.map((name) => join(this.#directory, name)))
    for (const path of this.#known.keys()) if (!paths.has(path)) this.#known.delete(path)
    const stored: Stored[] = []
    for (const name of names) {
      const one = await this.#read(join(this.#directory, name))
      if (one !== undefined) stored.push(one)
    }
    return stored
  }

  /** By name. */
  async get (name: string): Promise<Stored | undefined> { return await this.#read(this.path(name)) }

  /** Those of these networks that are stored, by name; one look at the directory, however many names, or one a name where they are few. */
  async some (names: readonly string[]): Promise<ReadonlyMap<string, Stored>> {
    const there = names.length <= FEW ? undefined : new Set(await entries(this.#directory))
    const found = new Map<string, Stored>()
    for (const name of names) {
      const stored = there === undefined || there.has(`${fileName(name)}.xml`) ? await this.get(name) : undefined
      if (stored !== undefined) found.set(name, stored)
    }
    return found
  }

  /** The first of these networks that is stored. */
  async findAny (names: readonly string[]): Promise<Stored | undefined> {
    const [first] = (await this.some(names)).values()
    return first
  }

  /**
   * Differs from before where a file has come, gone or been replaced since; undefined where the clock is too coarse to tell whether more is to come. Files that
   * somebody writes over in place are not noticed.
   */
  async version (): Promise<string | undefined> {
    const found = await stat(this.#directory, { bigint: true }).catch(() => undefined)
    if (found === undefined) return ''
    return Date.now() - Number(found.mtimeMs) < COARSE ? undefined : [found.dev, found.ino, found.mtimeNs].join()
  }

  /** What the definitions speak for; read again only where the directory has changed. The same object as before where it has not. */
  async spoken (): Promise<Spoken> {
    const version = await this.version()
    if (this.#spoken !== undefined && version !== undefined && version === this.#spoken.version) return this.#spoken.spoken
    const spoken = new Spoken()
    const pace = pacer()
    for (const { definition } of await this.list()) {
      spoken.add(definition)
      await pace()
    }
    this.#spoken = { version, spoken }
    return spoken
  }

  path (name: string): string { return join(this.#directory, `${fileName(name)}.xml`) }

  async #read (path: string): Promise<Stored | undefined> {
    let mark: string
    let whole: boolean
    try {
      const found = await stat(path)
      mark = [found.ino, found.size, found.ctimeMs, found.mtimeMs].join()
      whole = found.isFile()
    } catch (error) {
      // No file has a name that is too long.
      if (isMissing(error) || (isError(error) && 'code' in error && error.code === 'ENAMETOOLONG')) { this.#known.delete(path); return undefined }
      throw error
    }
    const known = this.#known.get(path)
    if (known?.mark === mark) return known.stored
    if (!whole) this.#logger.warn({ path }, `${path} is not a file`)
    const text = whole ? await readIfThere(path) : undefined
    const stored = text === undefined ? undefined : this.#parse(path, text)
    this.#known.set(path, { mark, stored })
    return stored
  }

  #parse (path: string, text: string): Stored | undefined {
    try {
      const spec = readNetworkXml(text)
      if (path !== this.path(spec.name)) {
        // As libvirt: a copy under another name would be a second network of the same name, that no command can change.
        this.#logger.warn({ path }, `${path} does not have the name of its network, '${spec.name}': it should be ${this.path(spec.name)}`)
        return undefined
      }
      if (isDefinition(spec)) return { definition: spec, path }
      this.#logger.warn({ path }, `${path} lacks a uuid, a MAC or a bridge name: define it anew with netwright net-define ${path}`)
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      this.#logger.warn({ path, err: error }, `${path} is not a network: ${error.message}`)
    }
    return undefined
  }

  /** Whether a killed process left the beginning of a definition. */
  async littered (): Promise<boolean> { return (await entries(this.#directory)).some((name) => finalName(name) !== undefined) }
  /** Removes what `littered` sees. Callers hold the owner's lock. */
  async sweep (): Promise<void> { await removeTemps(this.#directory) }

  /** Temp file, fsync, rename, directory fsync. */
  async save (definition: Definition): Promise<void> {
    await makeDirectory(this.#directory, 0o755)
    await this.sweep()
    await writeAtomic(this.path(definition.name), storedXml(definition), { durable: true })
  }

  /** Forgets the definition and its autostart mark. */
  async remove (name: string): Promise<void> {
    await this.setAutostart(name, false)
    if (await removeFile(this.path(name))) await syncDirectory(this.#directory)
  }

  /** Names of the networks marked for autostart. */
  async autostarted (): Promise<ReadonlySet<string>> {
    const names = new Set<string>()
    for (const entry of await entries(this.#autostart)) {
      const target = await readlink(join(this.#autostart, entry)).catch(() => undefined)
      const stored = target === undefined ? undefined : await this.#read(join(this.#autostart, target))
      if (stored !== undefined) names.add(stored.definition.name)
    }
    return names
  }

  /** A link `autostart/NAME.xml -> ../NAME.xml`, there or not. */
  async setAutostart (name: string, on: boolean): Promise<void> {
    const file = `${fileName(name)}.xml`
    const path = join(this.#autostart, file)
    if (!on) {
      if (await removeFile(path)) await syncDirectory(this.#autostart)
      return
    }
    await makeDirectory(this.#autostart, 0o755)
    try { await symlink(join('..', file), path) } catch (error) {
      if (!(isError(error) && 'code' in error && error.code === 'EEXIST')) throw error
    }
    await syncDirectory(this.#autostart)
  }
}

/** The definitions of every other owner below the same root: their bridge names and subnets are not given away. */
export async function otherDefinitions (owners: string, own: string, system: string, logger: Logger): Promise<readonly Definition[]> {
  const lists = await Promise.all((await otherDirectories(owners, own, system)).map(async (directory) => await new Store(directory, logger).list()))
  return lists.flat().map(({ definition }) => definition)
}

/** Where every other owner below the same root keeps them. */
export async function otherDirectories (owners: string, own: string, system: string): Promise<readonly string[]> {
  return [system, ...(await entries(owners)).map((owner) => join(owners, owner, 'networks'))].filter((directory) => directory !== own)
}

async function entries (directory: string): Promise<string[]> {
  try { return await readdir(directory) } catch (error) {
    if (isMissing(error) || (isError(error) && 'code' in error && error.code === 'ENOTDIR')) return []
    throw error
  }
}
