/** A definition in whichever form it comes. Pure. */
import { InputError } from '../errors.js'
import { checkNetwork } from './check.js'
import { readJson } from './json.js'
import type { NetworkSpec } from './spec.js'
import { readNetworkXml } from './xml/read.js'
import type { Place } from './xml/tree.js'

/**
 * Reads and checks a definition: text or bytes that begin with `<` are XML, with `{` JSON; anything else is the object itself.
 * Throws InputError, with line and column where it was text.
 */
export function parseDefinition (definition: unknown): NetworkSpec {
  if (definition instanceof Uint8Array) return parseText(decode(definition))
  return typeof definition === 'string' ? parseText(definition) : checkNetwork(definition)
}

function decode (bytes: Uint8Array): string {
  try { return new TextDecoder('utf-8', { fatal: true }).decode(bytes) } catch (cause) {
    throw new InputError([{ message: 'the document is not UTF-8', line: 1, column: 1 }], { cause })
  }
}

function parseText (text: string): NetworkSpec {
  const source = text.replace(/^\ufeff/, '')
  const first = /[^ \t\r\n]/.exec(source)?.[0]
  if (first === '<') return readNetworkXml(source)
  if (first === '{') return readNetworkJson(source)
  throw new InputError([{ message: 'a network definition is XML, which begins with <, or JSON, which begins with {', line: 1, column: 1 }])
}

/** Reads and checks a JSON document. Throws InputError, every complaint with line and column. */
export function readNetworkJson (source: string): NetworkSpec {
  const { value, placeOf } = readJson(source)
  try { return checkNetwork(value) } catch (error) {
    if (!(error instanceof InputError)) throw error
    const code = error.code === 'NETWRIGHT_UNSUPPORTED' ? error.code : 'NETWRIGHT_INVALID'
    throw new InputError(error.issues.map((issue) => ({ ...issue, ...nearest(issue.path ?? '', placeOf) })), { code })
  }
}

/** The place of the path, else of the nearest part of the document around it. */
export function nearest (path: string, placeOf: (path: string) => Place | undefined): Place {
  for (let part = path; part !== ''; part = part.slice(0, Math.max(part.lastIndexOf('.'), part.lastIndexOf('['), 0))) {
    const place = placeOf(part)
    if (place !== undefined) return place
  }
  return placeOf('') ?? { line: 1, column: 1 }
}
