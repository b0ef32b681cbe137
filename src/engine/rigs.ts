/**
 * The namespaces that a host works in beside its own: opened, or made where they are missing. What is made is on record before it has a name, lives as long as
 * this process and goes, at the latest, when the host is closed; what a killed process made is removed by its reaper or by the next host of this owner.
 */
import { assertObject, InputError, located, NetwrightError } from '../errors.js'
import { requireCapabilities } from '../kernel/capabilities.js'
import { stopIfAborted } from './steps.js'
import type { Context } from './context.js'
import { dismantle, type Dismantling, type Inside } from './dismantle.js'
import { makeNamespaces, nameOf } from './make-namespaces.js'
import type { NamespaceHandle, Within } from './namespace-handle.js'
import type { HostOptions } from './api.js'
import { RigBook, type Made, type RigRecord } from './rig-book.js'
import type { NamespaceHost, NamespaceOptions, Rig, RigInput } from './rig.js'
import { steps } from './steps.js'
import type { Left } from './teardown.js'
import { failure } from './undo.js'
import { each } from './each.js'

/** How the parent opens others like itself. */
export interface Opening {
  readonly options: HostOptions
  readonly root: string
  inside (options: HostOptions, within: Within): Promise<Inside & { readonly host: NamespaceHandle }>
}

type Networks = RigInput extends infer I ? I extends readonly string[] ? never : I[keyof I] : never

/** Namespaces that come and go together. */
interface Group {
  readonly hosts: Map<string, NamespaceHandle>
  readonly gone: Set<string>
  record?: RigRecord
  dropping: Promise<void>
}

export class Rigs {
  readonly #context: Context
  readonly #opening: Opening
  readonly #book: RigBook
  readonly #groups = new Set<Group>()
  /** What is taken away behind the scenes. */
  readonly #going = new Set<Promise<void>>()

  constructor (context: Context, opening: Opening) {
    this.#context = context
    this.#opening = opening
    this.#book = new RigBook(context.places.rigs)
  }

  /** As `Host.namespace`. */
  async namespace (name: string, options: NamespaceOptions): Promise<NamespaceHost> {
    const { hosts } = await this.#make(new Map([[nameOf(name, 'name'), []]]), options, false)
    return found(hosts, name)
  }

  /** As `Host.rig`. */
  async rig<N extends string> (input: RigInput<N>, options: NamespaceOptions): Promise<Rig<N>> {
    const wanted = wantedOf(input)
    const group = await this.#make(wanted, options, true)
    const hosts = new Map<N, NamespaceHost>()
    for (const name of wanted.keys()) hosts.set(name, found(group.hosts, name))
    const drop = async (): Promise<void> => { await this.#drop(group) }
    return { hosts, host: (name) => found(hosts, name), drop, [Symbol.asyncDispose]: drop }
  }

  /** All or nothing. `ends`: what is made in namespaces that were there before ends with the rig. */
  async #make (wanted: ReadonlyMap<string, Networks>, options: NamespaceOptions, ends: boolean): Promise<Group> {
    requireCapabilities('namespace', 'network')
    const { signal } = options
    const step = steps(this.#context.hook, signal)
    const group: Group = { hosts: new Map(), gone: new Set(), dropping: Promise.resolve() }
    this.#groups.add(group)
    try {
      await makeNamespaces([...wanted.keys()], { context: this.#context, step, write: async (made) => { group.record = await this.#book.write(made) } })
      await step.before('open the namespaces')
      await each(wanted.keys(), async (name) => { stopIfAborted(signal, `open namespace ${name}`); group.hosts.set(name, await this.#open(group, name, options, ends)) })
      await each(wanted, async ([name, definitions]) => {
        if (definitions.length === 0) return
        try { await group.hosts.get(name)?.create(definitions, signal === undefined ? {} : { signal }) } catch (error) { throw located(error, { subject: `namespace ${name}` }) }
      })
      return group
    } catch (error) {
      const left = await this.#drop(group).then(() => [], (reason: unknown) => [{ what: 'namespaces', error: reason }])
      throw failure(`make ${[...wanted.keys()].slice(0, 3).join(', ')}`, error, left)
    }
  }

  async #open (group: Group, name: string, { signal, ...own }: NamespaceOptions, ends: boolean): Promise<NamespaceHandle> {
    const { owner, root, logger, lockTimeout, pools, supervise, resolvConf, lifetime } = this.#opening.options
    const shared = Object.fromEntries(Object.entries({ owner, root, logger, lockTimeout, pools, supervise, resolvConf }).filter(([, value]) => value !== undefined))
    const made = group.record?.namespaces.some((one) => one.name === name) ?? false
    const { host } = await this.#opening.inside({
      ...shared, ...own, ...signal === undefined ? {} : { signal }, netns: name, lifetime: !made && (ends || lifetime === 'process') ? 'process' : 'unlimited',
    }, {
      name, made, drop: async () => { await this.#drop(group, name) },
      closed: () => { group.hosts.delete(name); if (group.hosts.size === 0 && group.record === undefined) this.#groups.delete(group) },
    })
    return host
  }

  /** One drop of a group after the other; what is gone is not dropped twice. */
  async #drop (group: Group, only?: string): Promise<void> {
    const names = [...new Set([...group.hosts.keys(), ...group.record?.namespaces.map(({ name }) => name) ?? []])].filter((name) => only === undefined || name === only)
    const work = group.dropping.then(async () => { await this.#context.tallies.operation({ operation: 'drop', names: () => names }, async () => { await this.#dropNow(group, names) }) })
    group.dropping = work.catch(() => undefined)
    await work
  }

  async #dropNow (group: Group, names: readonly string[]): Promise<void> {
    const left: Left[] = []
    const entries = (group.record?.namespaces ?? []).filter(({ name }) => names.includes(name) && !group.gone.has(name))
    await each(this.#holding(group, names, entries), async ([name, host]) => { await host.close().catch((error: unknown) => { left.push({ what: `networks in namespace ${name}`, error }) }) })
    await this.#dismantle(entries, left, (name) => { group.gone.add(name) })
    const { record } = group
    if (left.length === 0) {
      if (record?.namespaces.every(({ name }) => group.gone.has(name)) === true) await this.#book.close(record)
      if (group.hosts.size === 0) this.#groups.delete(group)
      return
    }
    if (record !== undefined) await this.#book.abandon(record)
    throw failure(`drop ${names.slice(0, 3).join(', ')}`, left[0]?.error, left)
  }

  /** Its own hosts, and others of ours in namespaces that are to end, which they would hold. */
  #holding (group: Group, names: readonly string[], entries: readonly Made[]): (readonly [string, NamespaceHandle])[] {
    const ending = new Set(entries.map(({ name }) => name))
    return [...this.#groups].flatMap(({ hosts }) => [...hosts].filter(([name]) => hosts === group.hosts ? names.includes(name) : ending.has(name)))
  }

  /** First all names, then what takes longer. */
  async #dismantle (entries: readonly Made[], left: Left[], gone: (name: string) => void): Promise<void> {
    const rest = await this.#begin(entries, left)
    await each(rest, async ({ name, finish }) => { await finish().then(() => { gone(name) }, (error: unknown) => { left.push({ what: `namespace ${name}`, error }) }) })
  }

  async #begin (entries: readonly Made[], left: Left[]): Promise<readonly { readonly name: string, readonly finish: () => Promise<void> }[]> {
    const { root, options: { owner, logger, lockTimeout }, inside } = this.#opening
    const means: Dismantling = {
      context: this.#context, root,
      open: async ({ netns, supervise = false }) => await inside({
        root, supervise, ...netns === undefined ? {} : { netns }, ...owner === undefined ? {} : { owner }, ...logger === undefined ? {} : { logger }, ...lockTimeout === undefined ? {} : { lockTimeout },
      }, { name: String(netns), made: false, drop: () => Promise.resolve(), closed: () => undefined }),
    }
    const rest: { readonly name: string, readonly finish: () => Promise<void> }[] = []
    await each(entries, async (made) => {
      try { rest.push({ name: made.name, finish: await dismantle(made, means) }) } catch (error) { left.push({ what: `namespace ${made.name}`, error }) }
    })
    return rest
  }

  /** Removes what dead processes have left: when it resolves the names are free; the rest goes behind the scenes. Never throws. */
  async reapDead (): Promise<void> {
    try {
      if (await this.#book.littered()) await this.#book.sweep(this.#context)
      await each(await this.#book.orphans(), async (record) => { await this.#reap(record) })
    } catch (error) { this.#context.logger.error({ err: error }, 'namespaces that a dead process made are still there: the next host tries again') }
  }

  async #reap (record: RigRecord): Promise<void> {
    const { logger } = this.#context
    const left: Left[] = []
    logger.warn({ pid: record.process.pid, namespaces: record.namespaces.map(({ name }) => name) }, `namespaces of process ${String(record.process.pid)} are left: removing them`)
    const rest = await this.#begin(record.namespaces, left)
    const work = (async () => {
      await each(rest, async ({ name, finish }) => { await finish().catch((error: unknown) => { left.push({ what: `namespace ${name}`, error }) }) })
      if (left.length === 0) { await this.#book.close(record); return }
      for (const { what, error } of left) logger.error({ err: error }, `${what} could not be removed: the next host tries again`)
      await this.#book.abandon(record)
    })().catch((error: unknown) => { logger.error({ err: error }, 'the record of namespaces could not be closed') })
    this.#going.add(work)
    void work.then(() => { this.#going.delete(work) })
  }

  /** Resolves when nothing is taken away behind the scenes, however it went. Never throws. */
  async ended (): Promise<void> { while (this.#going.size > 0) await Promise.all(this.#going) }

  /** Drops what was made and closes the others. Never throws. */
  async close (): Promise<void> {
    await each(this.#groups, async (group) => {
      await this.#drop(group).catch((error: unknown) => { this.#context.logger.error({ err: error, ...error instanceof NetwrightError && error.left !== undefined ? { left: error.left } : {} }, 'not all of a rig could be dropped: the next host tries again') })
    })
    await this.ended()
  }
}

function found<N extends string> (hosts: ReadonlyMap<N, NamespaceHost>, name: N): NamespaceHost {
  const host = hosts.get(name)
  if (host === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `the rig has no namespace ${name}`)
  return host
}

/** Names with what is to be created in each. Throws NETWRIGHT_INVALID. */
function wantedOf<N extends string> (input: RigInput<N>): ReadonlyMap<N, Networks> {
  const wanted = new Map<N, Networks>()
  assertObject(input, 'namespaces', 'a list of names, or networks by name')
  if (isList(input)) for (const [i, name] of input.entries()) wanted.set(nameOf(name, `namespaces[${String(i)}]`), [])
  else {
    for (const name in input) {
      const networks = input[name]
      if (!Array.isArray(networks)) throw new InputError([{ path: `namespaces.${name}`, message: 'expected a list of networks' }])
      wanted.set(nameOf(name, `namespaces.${name}`), networks)
    }
  }
  return wanted
}

/** The names alone. */
export const rigNames = (input: RigInput | null | undefined): readonly string[] => isList(input) ? input : Object.keys(input ?? {})

const isList = <N extends string>(input: RigInput<N> | null | undefined): input is readonly N[] => Array.isArray(input)
