/** Errors on their way to another thread: their class, words, facts and causes stay. */
import { errorKind, revived } from '../errors.js'
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
const builtins: Readonly<Record<string, (message: string) => Error>> = {
  ...Object.fromEntries([Error, TypeError, RangeError, SyntaxError, ReferenceError, URIError, EvalError].map((kind) => [kind.name, (message: string) => new kind(message)])),
  AggregateError: (message) => new AggregateError([], message),
}

/** Enumerable ones, and those that are not but belong to an error. */
function factsOf (error: Error): object {
  const keys = [...Object.keys(error), ...['cause', 'errors'].filter((key) => Object.hasOwn(error, key))]
  return Object.fromEntries(keys.map((key) => [key, Reflect.get(error, key)]))
}

export function faultOf (error: Error, declare: Declare): Fault {
  const { name, message, stack } = error
  return { kind: errorKind(error) ?? Object.keys(builtins).find((kind) => error.constructor.name === kind) ?? 'Error', name, message, ...typeof stack === 'string' ? { stack } : {}, own: pack(factsOf(error), declare) }
}

/** `site`: the stack of whoever asked, which comes below the engine's own. */
export function errorOf ({ kind, name, message, stack, own }: Fault, obtain: Obtain, site = ''): Error {
  const { cause, errors, ...enumerable } = unpack(own, obtain) as { readonly cause?: unknown, readonly errors?: unknown }
  const error = revived(kind, message) ?? builtins[kind]?.(message) ?? new Error(message)
  Object.assign(error, enumerable)
  const set = (key: string, value: unknown): void => { Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: false }) }
  if (cause !== undefined) set('cause', cause)
  if (errors !== undefined) set('errors', errors)
  if (error.name !== name) set('name', name)
  if (stack !== undefined) set('stack', stack + site)
  return error
}
