/**
 * What a file that names many networks and ports holds, piece by piece, each with the place of its complaints: JSON or YAML data (one network, a list,
 * or `{ networks, ports }`), or XML (`<network>`, several of them, or `<networks>`). Pure; nothing is checked yet but the frame.
 */
import { InputError, type Issue } from '../errors.js'
import { shown } from './checks/review.js'
import { nearest } from './definition.js'
import { readJson } from './json.js'
import { readTrees, type Element, type Place } from './xml/tree.js'

/** Data with its places by path (`networks[0].ip[0].address`; '' is the whole), or XML elements, which know theirs. */
export type Document = {
  /** For messages. */
  readonly file?: string
} & ({ readonly data: unknown, readonly placeOf?: (path: string) => Place | undefined } | { readonly elements: readonly Element[] })

/** One network or port, as it was written. */
export interface Piece {
  /** The data of JSON or YAML; undefined for XML. */
  readonly data?: unknown
  readonly element?: Element
  /** Where it stands: `networks[3]`; '' for the whole document. */
  readonly path: string
  /** Completes a complaint whose path begins inside the piece: file, line and column, and the path in the document. */
  readonly locate: (issue: Issue) => Issue
}

export interface Contents { readonly networks: readonly Piece[], readonly ports: readonly Piece[], readonly issues: readonly Issue[] }

/** Reads JSON (begins with `{` or `[`) or XML (begins with `<`). YAML is not read by the library: pass its data. Throws InputError with file, line and column. */
export function readDocument (text: string, file?: string): Document {
  const source = text.replace(/^\ufeff/, '')
  const named = file === undefined ? {} : { file }
  const first = /[^ \t\r\n]/.exec(source)?.[0]
  try {
    if (first === '<') return { elements: readTrees(source), ...named }
    if (first !== '{' && first !== '[') throw new InputError([{ message: 'networks are XML, which begins with <, or JSON, which begins with { or [', line: 1, column: 1 }])
    const { value, placeOf } = readJson(source)
    return { data: value, placeOf, ...named }
  } catch (error) {
    throw error instanceof InputError ? new InputError(error.issues.map((issue) => ({ ...issue, ...named }))) : error
  }
}

/** The pieces of a document, and what is wrong with its frame. */
export function contentsOf (document: Document): Contents {
  return 'elements' in document ? fromXml(document.elements, document.file) : fromData(document)
}

function fromXml (elements: readonly Element[], file: string | undefined): Contents {
  const named = file === undefined ? {} : { file }
  const issues: Issue[] = []
  const networks: Element[] = []
  const complain = (message: string, { line, column }: Place): void => { issues.push({ message, line, column, ...named }) }
  for (const root of elements) {
    if (root.name === 'network') { networks.push(root); continue }
    if (root.name !== 'networks') { complain(`<${shown(root.name)}> is neither <network> nor <networks>`, root); continue }
    for (const attribute of root.attributes) complain(`unknown attribute '${shown(attribute.name)}' in <networks>`, attribute)
    if (root.text.trim() !== '') complain(`text in <networks>, where none belongs: '${shown(root.text.trim())}'`, root)
    for (const child of root.children) if (child.name === 'network') networks.push(child); else complain(`unknown element <${shown(child.name)}> in <networks>`, child)
  }
  return { networks: networks.map((element) => ({ element, path: '', locate: (issue) => ({ line: element.line, column: element.column, ...issue, ...named }) })), ports: [], issues }
}

/** More than anybody's lab has. */
const MOST = 100_000

type Data = Extract<Document, { readonly data: unknown }>

function fromData (document: Data): Contents {
  const { data } = document
  const issues: Issue[] = []
  const complain = (path: string, message: string): void => { issues.push(locator(document, '')({ path, message })) }
  const piece = (value: unknown, path: string): Piece => ({ data: value, path, locate: locator(document, path) })
  /** One by one: what a caller passes may have holes, and an iterator of its own. */
  const pieces = (items: readonly unknown[], key: string): Piece[] => {
    const found: Piece[] = []
    if (items.length > MOST) complain(key, `more than ${String(MOST)} entries`)
    else for (let i = 0; i < items.length; i++) found.push(piece(items[i], `${key}[${String(i)}]`))
    return found
  }
  if (data === undefined || data === null) return { networks: [], ports: [], issues }
  if (Array.isArray(data)) return { networks: pieces(data, ''), ports: [], issues }
  if (typeof data !== 'object' || Object.hasOwn(data, 'name') || !(Object.hasOwn(data, 'networks') || Object.hasOwn(data, 'ports'))) return { networks: [piece(data, '')], ports: [], issues }
  const listed = (key: string): Piece[] => {
    const items: unknown = Object.getOwnPropertyDescriptor(data, key)?.value
    if (Array.isArray(items)) return pieces(items, key)
    if (items !== undefined) complain(key, 'expected a list')
    return []
  }
  for (const key of Object.keys(data)) if (key !== 'networks' && key !== 'ports') complain(shown(key), `unknown key '${shown(key)}'`)
  return { networks: listed('networks'), ports: listed('ports'), issues }
}

function locator ({ file, placeOf }: Data, prefix: string): (issue: Issue) => Issue {
  return (issue) => {
    const inner = issue.path ?? ''
    const path = prefix === '' || inner === '' || inner.startsWith('[') ? `${prefix}${inner}` : `${prefix}.${inner}`
    return { ...issue, ...path === '' ? {} : { path }, ...placeOf === undefined ? {} : nearest(path, placeOf), ...file === undefined ? {} : { file } }
  }
}
