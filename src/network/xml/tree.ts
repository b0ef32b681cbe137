/** An XML document as a small tree in which every element and attribute knows its place. Pure; the parser is saxes. */
import { SaxesParser } from 'saxes'
import { InputError } from '../../errors.js'

/** Counted from one. Columns count UTF-16 code units, as editors do. */
export interface Place { readonly line: number, readonly column: number }
export interface Attribute extends Place { readonly name: string, readonly value: string }
export interface Element extends Place {
  readonly name: string
  readonly attributes: readonly Attribute[]
  readonly children: readonly Element[]
  /** The text directly inside, references resolved, comments left out. */
  readonly text: string
  /** The inside as it was written. */
  readonly inside: string
}

/** More than any network needs, and little enough to be read or refused within 100 ms. */
const LIMITS = { bytes: 1_048_576, depth: 64, elements: 100_000, attributes: 1000 }

/** `&constructor;` must not find Object.prototype's, so the table has no prototype. */
const ENTITIES: Record<string, string> = { amp: '&', gt: '>', lt: '<', quot: '"', apos: '\'' }
Object.setPrototypeOf(ENTITIES, null)

/** Our own namespace: whatever prefix a document has for it, and wherever it says so, it is read as `netwright:`. */
export const NAMESPACE = 'urn:netwright:network:1.0'

interface Building extends Place { name: string, attributes: Attribute[], children: Building[], text: string, inside: string, from: number }

/**
 * Reads a document: strict XML 1.0, UTF-8, no DOCTYPE, no entities beyond the five, no processing instructions but the declaration, namespace
 * prefixes bound; at most 1 MiB, 64 levels, 100,000 elements. Throws InputError with line and column.
 */
export function readTree (source: string): Element {
  const { reader, refuse } = readerOf(source)
  const [root] = reader.read(false)
  return root ?? refuse('the document is empty', 0)
}

/** Reads a file that may hold several documents, one after another, each with its own declaration: `cat a.xml b.xml`. As strict as `readTree`; throws InputError with line and column. */
export function readTrees (source: string): readonly Element[] {
  // A declaration stands before each document, where a fragment has none; blanks keep every other place as it is.
  const text = source.replace(/(^|>)([ \t\r\n]*)(<\?xml[ \t\r\n][^<>]*\?>)/g, (whole, before: string, space: string, declaration: string) => /encoding\s*=\s*["'](?!utf-8["'])/i.test(declaration) ? whole : `${before}${space}${declaration.replace(/[^\r\n]/g, ' ')}`)
  return readerOf(text).reader.read(true)
}

type Refuse = (message: string, offset: number) => never

function readerOf (source: string): { readonly reader: Reader, readonly refuse: Refuse } {
  const at = placesOf(source)
  const refuse: Refuse = (message, offset) => { throw new InputError([{ message, ...at(offset) }]) }
  const lone = /[\ud800-\udfff\0]/u.exec(source)
  if (Buffer.byteLength(source) > LIMITS.bytes) refuse(`the document is larger than ${String(LIMITS.bytes)} bytes`, 0)
  if (lone !== null) refuse('a character that XML does not allow', lone.index)
  return { reader: new Reader(source, at, refuse), refuse }
}

/** Why text cannot stand inside `<metadata>`, or undefined: it must be XML of its own, every prefix bound in it. */
export function metadataFault (inside: string): string | undefined {
  try { readTree(`<metadata>${inside}</metadata>`) } catch (error) {
    if (error instanceof InputError) return `metadata is not XML: ${error.issues[0]?.message ?? ''}`
    throw error
  }
  return undefined
}

/** From an offset to line and column, by bisection over the line starts. */
export function placesOf (source: string): (offset: number) => Place {
  const starts = [0]
  for (let i = 0; i < source.length; i++) {
    const code = source.charCodeAt(i)
    if (code === 10 || (code === 13 && source.charCodeAt(i + 1) !== 10)) starts.push(i + 1)
  }
  return (offset) => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = low + high + 1 >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 }
  }
}

/** One reading: saxes calls, the tree grows. */
class Reader {
  readonly #source: string
  readonly #at: (offset: number) => Place
  readonly #refuse: Refuse
  readonly #open: Building[] = []
  readonly #roots: Building[] = []
  #elements = 0
  /** Where the attribute that comes next is looked for. */
  #mark = 0

  constructor (source: string, at: (offset: number) => Place, refuse: Refuse) {
    this.#source = source
    this.#at = at
    this.#refuse = refuse
  }

  /** `many`: more than one document may follow another. */
  read (many: boolean): readonly Element[] {
    const parser = new SaxesParser({ xmlns: true, position: true, fragment: many })
    parser.ENTITIES = ENTITIES
    const here = (): number => Math.min(parser.position, this.#source.length)
    parser.on('error', (error) => { this.#refuse(error.message.replace(/^\d+:\d+: /, '').replace(/\.$/, '').slice(0, 200), Math.max(0, here() - 1)) })
    parser.on('doctype', () => { this.#refuse('a DOCTYPE is not allowed', this.#source.lastIndexOf('<!DOCTYPE', here())) })
    parser.on('processinginstruction', () => { this.#refuse('a processing instruction is not allowed', this.#source.lastIndexOf('<?', here())) })
    parser.on('xmldecl', ({ encoding, version }) => { this.#declaration(encoding, version) })
    parser.on('opentagstart', ({ name }) => { this.#begin(name, here()) })
    parser.on('attribute', ({ name, value }) => { this.#attribute(name, value, here()) })
    parser.on('opentag', ({ uri, local }) => { this.#inside(uri, local, here()) })
    parser.on('text', (text) => { this.#text(text, here()) })
    parser.on('cdata', (text) => { this.#text(text, here()) })
    parser.on('closetag', ({ isSelfClosing }) => { this.#end(isSelfClosing, here()) })
    parser.write(this.#source).close()
    return this.#roots
  }

  #declaration (encoding: string | undefined, version: string | undefined): void {
    if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8') this.#refuse(`the encoding is ${encoding}; only UTF-8 is read`, 0)
    if (version !== undefined && version !== '1.0') this.#refuse(`XML version ${version}; only 1.0 is read`, 0)
  }

  #begin (name: string, position: number): void {
    const offset = this.#source.lastIndexOf('<', position - 1)
    if (++this.#elements > LIMITS.elements) this.#refuse(`more than ${String(LIMITS.elements)} elements`, offset)
    if (this.#open.length >= LIMITS.depth) this.#refuse(`elements are nested deeper than ${String(LIMITS.depth)} levels`, offset)
    const element = { name, ...this.#at(offset), attributes: [], children: [], text: '', inside: '', from: position }
    this.#open.at(-1)?.children.push(element)
    if (this.#open.length === 0) this.#roots.push(element)
    this.#open.push(element)
    this.#mark = offset + 1 + name.length
  }

  /** Prefixes are known when all attributes have been read. */
  #inside (uri: string, local: string, position: number): void {
    const element = this.#open.at(-1)
    if (element === undefined) return
    if (uri === NAMESPACE) element.name = `netwright:${local}`
    element.attributes = element.attributes.filter(({ name, value }) => !(value === NAMESPACE && /^xmlns(?:$|:)/.test(name)))
    element.from = position
  }

  #attribute (name: string, value: string, position: number): void {
    const attributes = this.#open.at(-1)?.attributes
    const blank = /[^ \t\r\n]/g
    blank.lastIndex = this.#mark
    const offset = blank.exec(this.#source)?.index ?? position
    this.#mark = position
    if (attributes === undefined) return
    if (attributes.length >= LIMITS.attributes) this.#refuse(`more than ${String(LIMITS.attributes)} attributes`, offset)
    attributes.push({ name, value, ...this.#at(offset) })
  }

  #text (text: string, position: number): void {
    const element = this.#open.at(-1)
    if (element !== undefined) element.text += text
    else if (text.trim() !== '') this.#refuse('text outside of the document', Math.max(0, position - (position === this.#source.length ? 0 : 1) - text.trimStart().length))
  }

  #end (selfClosing: boolean, position: number): void {
    const element = this.#open.pop()
    if (element !== undefined && !selfClosing) element.inside = this.#source.slice(element.from, this.#source.lastIndexOf('<', position - 1))
  }
}
