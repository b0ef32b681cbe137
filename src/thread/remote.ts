/** A thing on the engine's thread, which stays there as long as somebody here can ask for it, and functions that ask it for what its shape says. */
import { DISPOSE, type Verb } from './line.js'
import { Scope } from './scope.js'
import type { Asked, Shape } from './shapes.js'

/** Whoever has a verb or a part of a thing has its remote: once that has gone here the thing may go over there. */
export interface Remote {
  /** `scope`: what is let go with it stays so until `end(scope)`; without one, until the answer. */
  ask (verb: Verb, args: readonly unknown[], scope?: Scope): Promise<unknown>
  end (scope: Scope): void
}

/** Each verb as a function, each part as a record of them. */
export function methods<T> (remote: Remote, { verbs, streams, parts }: Shape<T>, way: Verb = []): Asked<T> {
  const found: Record<PropertyKey, unknown> = {}
  for (const key of Reflect.ownKeys(verbs)) {
    const verb = [...way, nameOf(key)]
    found[key] = async (...args: readonly unknown[]): Promise<unknown> => await remote.ask(verb, args)
  }
  for (const key of Reflect.ownKeys(streams)) found[key] = (...args: readonly unknown[]): unknown => stream(remote, [...way, nameOf(key)], args)
  for (const [key, part] of Object.entries<Shape<unknown>>(parts)) found[key] = methods(remote, part, [...way, key])
  return found as Asked<T>
}

/** Of which there are many: verbs are the prototype's, and parts are made when they are first asked for. */
export class Handle {
  readonly #remote: Remote
  #parts: Map<string, unknown> | undefined

  constructor (remote: Remote, data: object) {
    this.#remote = remote
    Object.assign(this, data)
  }

  static remoteOf (handle: Handle): Remote { return handle.#remote }

  static partOf (handle: Handle, key: string, part: Shape<unknown>): unknown {
    handle.#parts ??= new Map()
    const found = handle.#parts.get(key) ?? methods(handle.#remote, part, [key])
    handle.#parts.set(key, found)
    return found
  }
}

/** Gives a class what a shape asks for. What it has already stays. */
export function shaped<T> ({ prototype }: { readonly prototype: Handle }, { verbs, streams, parts }: Shape<T>): void {
  const add = (key: PropertyKey, what: PropertyDescriptor): void => { if (!Object.hasOwn(prototype, key)) Object.defineProperty(prototype, key, { ...what, configurable: true }) }
  for (const key of Reflect.ownKeys(verbs)) {
    const verb = [nameOf(key)]
    add(key, { value: async function (this: Handle, ...args: readonly unknown[]): Promise<unknown> { return await Handle.remoteOf(this).ask(verb, args) } })
  }
  for (const key of Reflect.ownKeys(streams)) add(key, { value: function (this: Handle, ...args: readonly unknown[]): unknown { return stream(Handle.remoteOf(this), [nameOf(key)], args) } })
  for (const [key, part] of Object.entries<Shape<unknown>>(parts)) add(key, { get (this: Handle): unknown { return Handle.partOf(this, key, part) }, enumerable: true })
}

const nameOf = (key: PropertyKey): string => key === Symbol.asyncDispose ? DISPOSE : String(key)

/** An iterator over there. */
export interface Source { next (): Promise<IteratorResult<unknown>>, return (): Promise<unknown> }
export const source: Shape<Source> = { verbs: { next: true, return: true }, streams: {}, parts: {} }

/** What answers again and again. What it was asked with is let go until its end. */
async function * stream (remote: Remote, verb: Verb, args: readonly unknown[]): AsyncGenerator<unknown, void, undefined> {
  const scope = new Scope()
  try {
    const values = await remote.ask(verb, args, scope) as Source
    try {
      for (let next = await values.next(); next.done !== true; next = await values.next()) yield next.value
    } finally { await values.return() }
  } finally { remote.end(scope) }
}
