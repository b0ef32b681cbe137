/** Errors on their way to another thread: their class, words, facts and causes stay. */
import { errorKind, isError, revived } from '../errors.js'
import { pack, unpack, type Declare, type Obtain, type Parcel } from './parcel.js'

/** An error, as structured clone takes it. */
export interface Fault {
  /** `InputError`, `TypeError`. */
  readonly kind: string
  readonly name: string
  readonly message: string
  readonly stack?: string
  /** Its own facts, with `cause` and `errors`. */
  readonly own: Parcel
}

/** What Node and the language throw. */
const builtins: Readonly<Record<string, (message: string, name: string) => Error>> = {
  ...Object.fromEntries([Error, TypeError, RangeError, SyntaxError, ReferenceError, URIError, EvalError].map((kind) => [kind.name, (message: string) => new kind(message)])),
  DOMException: (message, name) => new DOMException(message, name), // what a signal is aborted with
  AggregateError: (message) => new AggregateError([], message),
}

/**
 * Enumerable ones, and those that are not but belong to an error. Of errors that are not ours, words and numbers: a caller's may hold half his program (a
 * socket, a client), and he has the very same error back. No accessor is run.
 */
function factsOf (error: Error, ours: boolean): object {
  const valueOf = (key: string): unknown => Object.getOwnPropertyDescriptor(error, key)?.value
  const facts = Object.keys(error).filter((key) => ours || !isHolder(valueOf(key)))
  const inner = ['cause', 'errors'].filter((key) => Object.hasOwn(error, key) && (ours || isTold(valueOf(key))))
  return Object.fromEntries([...facts, ...inner].map((key) => [key, valueOf(key)]))
}

const isHolder = (value: unknown): boolean => (typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol'
const isTold = (value: unknown): boolean => !isHolder(value) || isError(value) || (Array.isArray(value) && value.every(isTold))

/** What is asked of an error may run whatever its class makes of it. */
export function wordOf (ask: () => unknown): string | undefined {
  try {
    const word = ask()
    return typeof word === 'string' ? word : undefined
  } catch { return undefined }
}

/** `whole`: with its facts. */
export function faultOf (error: Error, declare: Declare, whole = true): Fault {
  const [own, made, stack] = [errorKind(error), wordOf(() => error.constructor.name), wordOf(() => error.stack)]
  return {
    kind: own ?? Object.keys(builtins).find((kind) => made === kind) ?? 'Error', name: wordOf(() => error.name) ?? 'Error', message: wordOf(() => error.message) ?? '', ...stack === undefined ? {} : { stack },
    own: pack(whole ? factsOf(error, own !== undefined) : {}, declare),
  }
}

/** `site`: the stack of whoever asked, which comes below the engine's own. */
export function errorOf ({ kind, name, message, stack, own }: Fault, obtain: Obtain, site = ''): Error {
  const { cause, errors, ...enumerable } = unpack(own, obtain) as { readonly cause?: unknown, readonly errors?: unknown }
  const error = revived(kind, message) ?? builtins[kind]?.(message, name) ?? new Error(message)
  const set = (key: string, value: unknown, enumerable = false): void => { Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable }) }
  for (const [key, value] of Object.entries(enumerable)) set(key, value, true) // its class may have an accessor of that name
  if (cause !== undefined) set('cause', cause)
  if (errors !== undefined) set('errors', errors)
  if (error.name !== name) set('name', name)
  if (stack !== undefined) set('stack', stack + site)
  return error
}
