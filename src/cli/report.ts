/** What went wrong, for people (virsh's two lines) or as one JSON value. Pure: error in, text out. */
import { codeOf, Failure, UsageError } from './failure.js'
import { escape } from './print/escape.js'

interface Facts { readonly remedy?: string, readonly left?: readonly string[], readonly holder?: string, readonly lastLines?: readonly string[] }

const texts = (value: unknown): readonly string[] | undefined => Array.isArray(value) ? value.map(String) : undefined
const fact = (error: object, name: string): unknown => Object.entries(error).find(([key]) => key === name)?.[1]

/** The facts that an error carries and that people want to read. */
function factsOf (error: unknown): Facts {
  if (typeof error !== 'object' || error === null) return {}
  const remedy = fact(error, 'remedy')
  const holder = fact(error, 'holder')
  const left = texts(fact(error, 'left'))
  const lastLines = texts(fact(error, 'lastLines'))
  return {
    ...(typeof remedy === 'string' ? { remedy } : {}), ...(typeof holder === 'string' ? { holder } : {}),
    ...(left === undefined ? {} : { left }), ...(lastLines === undefined ? {} : { lastLines }),
  }
}

/** The message of anything thrown; one without a code of ours is a bug or the machine's and says so. */
function messageOf (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return codeOf(error) === undefined ? `internal error: ${error.message}` : error.message
}

/**
 * `error: Failed to start network x`, `error: <why>`, then facts one a line: what the remedy is, what is left, what dnsmasq said.
 * The first line names the input line where there is one.
 */
export function errorText (error: unknown, line?: number): string {
  const failure = error instanceof Failure ? error : undefined
  const cause = failure === undefined ? error : failure.cause
  const why = failure?.driver ?? (cause === undefined ? undefined : messageOf(cause))
  const errors = [failure?.sentence, ...(why?.split('\n') ?? [])].filter((text) => text !== undefined && text !== '')
  const facts = factsOf(cause)
  const place = line === undefined ? '' : `line ${String(line)}: `
  const lines = errors.map((text, index) => `error: ${index === 0 ? place : ''}${escape(text ?? '')}`)
  for (const text of facts.lastLines ?? []) lines.push(`dnsmasq: ${escape(text)}`)
  if (facts.left !== undefined && facts.left.length > 0) lines.push(`left: ${escape(facts.left.join(', '))}`)
  // Where libvirt has a text, there is no more than virsh prints.
  const remedy = failure?.remedy ?? (failure?.driver === undefined ? facts.remedy : undefined)
  if (remedy !== undefined) lines.push(`remedy: ${escape(remedy)}`)
  return lines.map((text) => `${text}\n`).join('')
}

/** All facts of an error but those that have a place of their own; the kernel's sentence is its `reason`, for `sentence` is virsh's. */
function carriedBy (cause: unknown): Record<string, unknown> {
  if (typeof cause !== 'object' || cause === null) return {}
  const entries = Object.entries(cause).filter(([key]) => key !== 'name' && key !== 'code')
  return Object.fromEntries(entries.map(([key, value]: [string, unknown]) => [key === 'sentence' ? 'reason' : key, value]))
}

/** The same as `{"error":{"code","message","sentence","remedy",…}}`: all facts that the error carries, on one line. */
export function errorJson (error: unknown, line?: number): string {
  const failure = error instanceof Failure ? error : undefined
  const cause = failure === undefined ? error : failure.cause
  const code = error instanceof UsageError ? 'NETWRIGHT_INVALID' : codeOf(cause) ?? (cause === undefined ? 'NETWRIGHT_INVALID' : 'INTERNAL')
  const carried = carriedBy(cause)
  const message = failure?.driver ?? (cause === undefined ? failure?.sentence : messageOf(cause))
  const sentence = cause === undefined && failure?.driver === undefined ? undefined : failure?.sentence
  const remedy = failure?.remedy
  return `${JSON.stringify({ error: { code, message, sentence, ...carried, ...(remedy === undefined ? {} : { remedy }), line } })}\n`
}

/** `warning: …`, and the remedy on a line of its own. */
export function warningText (message: string, remedy?: string): string {
  const lines = [`warning: ${escape(message)}`, ...(remedy === undefined ? [] : [`remedy: ${escape(remedy)}`])]
  return lines.map((text) => `${text}\n`).join('')
}
