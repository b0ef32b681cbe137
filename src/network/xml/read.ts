/** From a `<network>` document to what `checkNetwork()` takes, and the place of every value. Pure. */
import { InputError, type Issue } from '../../errors.js'
import { checkNetwork } from '../check.js'
import { shown } from '../checks/review.js'
import { plainText, type Plain, type PlainObject } from '../plain.js'
import type { NetworkSpec } from '../spec.js'
import { networkShape, type Row, type Shape } from './elements.js'
import { readTree, type Element, type Place } from './tree.js'

/**
 * Reads and checks libvirt's `<network>` document.
 * Throws InputError, every complaint with line and column: NETWRIGHT_UNSUPPORTED where elements or attributes are not known, each named; else NETWRIGHT_INVALID.
 */
export function readNetworkXml (source: string): NetworkSpec { return readNetworkElement(readTree(source)) }

/** The same for an element that stands in a longer document. */
export function readNetworkElement (root: Element): NetworkSpec {
  if (root.name !== 'network') throw new InputError([{ message: `the document is <${shown(root.name)}>, not <network>`, line: root.line, column: root.column }])
  const reading = new Reading(root)
  const input = reading.read()
  try { return checkNetwork(input, 'xml') } catch (error) {
    if (error instanceof InputError) throw new InputError(error.issues.map((issue) => reading.locate(issue)), { code: error.code === 'NETWRIGHT_UNSUPPORTED' ? error.code : 'NETWRIGHT_INVALID' })
    throw error
  }
}

/** The modes in which libvirt makes the bridge itself, and takes one uplink at most. */
const VIRTUAL = new Set(['none', 'nat', 'route', 'open'])

/** As many as a person reads. */
const MOST_COMPLAINTS = 100

/** One document being read: values by path, places by path, complaints. */
class Reading {
  readonly #root: Element
  /** Its name, for libvirt's sentences. */
  readonly #network: string
  readonly #places = new Map<string, Place>()
  readonly #issues: Issue[] = []
  #unsupported = false

  constructor (root: Element) {
    this.#root = root
    this.#network = shown(root.children.find(({ name }) => name === 'name')?.text ?? '')
  }

  read (): PlainObject {
    const input = this.#element(this.#root, networkShape, '')
    if (this.#issues.length > 0) throw new InputError(this.#issues.slice(0, MOST_COMPLAINTS), this.#unsupported ? { code: 'NETWRIGHT_UNSUPPORTED' } : {})
    return input
  }

  /** A complaint's line and column: those of its path, else of the nearest place around it. */
  locate (issue: Issue): Issue {
    for (let path = issue.path ?? ''; ; path = path.slice(0, Math.max(path.lastIndexOf('.'), path.lastIndexOf('['), 0))) {
      const place = path === '' ? this.#root : this.#places.get(path)
      if (place !== undefined) return { ...issue, line: place.line, column: place.column }
    }
  }

  #complain (message: string, { line, column }: Place, unsupported = false): void {
    this.#issues.push({ message, line, column })
    this.#unsupported ||= unsupported
  }

  #element (element: Element, shape: Shape, path: string): PlainObject {
    const out: Record<string, Plain> = {}
    this.#attributes(element, shape, path, out)
    const rows = rowsOf(shape).children
    const seen = new Map<string, Element>()
    for (const child of element.children) {
      const row = rows.get(child.name)
      const first = seen.get(child.name)
      if (row === undefined) this.#unknown('element', `<${shown(child.name)}>`, child.name, element, shape, child)
      else if (row.is !== 'many' && row.is !== 'texts' && first !== undefined) this.#twice(child, first, element)
      else this.#child(row, child, path, out)
      seen.set(child.name, first ?? child)
    }
    if (element.text.trim() !== '') this.#complain(`text in <${element.name}>, where none belongs: '${shown(element.text.trim())}'`, element)
    return out
  }

  #attributes (element: Element, shape: Shape, path: string, out: Record<string, Plain>): void {
    const rows = rowsOf(shape).attributes
    for (const attribute of element.attributes) {
      const row = rows.get(attribute.name)
      if (row === undefined) this.#unknown('attribute', `'${shown(attribute.name)}'`, attribute.name, element, shape, attribute)
      else if (row.is === 'fixed') {
        if (attribute.value !== row.value) this.#complain(`attribute '${row.name}' in <${element.name}> is '${row.value}', not '${shown(attribute.value)}'`, attribute)
      } else this.#keep(out, row.field, join(path, row.field), row.codec.read(attribute.value), attribute)
    }
  }

  #keep (out: Record<string, Plain>, field: string, path: string, value: Plain, place: Place): void {
    out[field] = value
    this.#places.set(path, place)
  }

  #child (row: ChildRow, child: Element, path: string, out: Record<string, Plain>): void {
    const field = join(path, row.field)
    switch (row.is) {
      case 'text': this.#bare(child); this.#keep(out, row.field, field, child.text, child); return
      case 'verbatim': this.#noAttributes(child, []); this.#keep(out, row.field, field, child.inside, child); return
      case 'value': this.#value(row, child, field, out); return
      case 'again': this.#again(row, child, field, out); return
      case 'one': this.#places.set(field, child); out[row.field] = this.#element(child, row.of, field); return
      case 'texts': this.#bare(child); this.#append(out, row.field, field, child, () => child.text); return
      case 'many': this.#append(out, row.field, field, child, (item) => this.#element(child, row.of, item)); return
      case 'list': this.#list(row, child, path, out); return
      default: row satisfies never
    }
  }

  #list (row: Extract<Row, { is: 'list' }>, child: Element, path: string, out: Record<string, Plain>): void {
    const { [row.field]: items = [] } = this.#element(child, listShape(row), path)
    this.#keep(out, row.field, join(path, row.field), items, child)
  }

  #append (out: Record<string, Plain>, field: string, path: string, place: Place, read: (path: string) => Plain): void {
    const before = out[field]
    const items: Plain[] = isOurs(before) ? before : []
    const item = `${path}[${String(items.length)}]`
    if (items.length === 0) { this.#places.set(path, place); out[field] = items }
    this.#places.set(item, place)
    items.push(read(item))
  }

  #value (row: Extract<Row, { is: 'value' }>, child: Element, path: string, out: Record<string, Plain>): void {
    const attribute = child.attributes.find(({ name }) => name === row.attribute)
    this.#noAttributes(child, [row.attribute])
    this.#noInside(child)
    if (attribute === undefined) this.#complain(`Missing required attribute '${row.attribute}' in element '${row.name}'`, child)
    else this.#keep(out, row.field, path, row.codec.read(attribute.value), attribute)
  }

  /** `<interface dev>` in `<forward>`. Source: libvirt, virNetworkForwardDefParseXML. */
  #again (row: Extract<Row, { is: 'again' }>, child: Element, path: string, out: Record<string, Plain>): void {
    const attribute = child.attributes.find(({ name }) => name === row.attribute)
    this.#noAttributes(child, [row.attribute], ['connections'])
    this.#noInside(child)
    const before = out[row.field]
    if (attribute === undefined) this.#complain(`Missing required dev attribute in <forward> <interface> element of network ${this.#network}`, child)
    else if (before === undefined) this.#keep(out, row.field, path, attribute.value, attribute)
    else if (before !== attribute.value) this.#complain(`<forward dev='${shown(plainText(before))}'> must match first <interface dev='${shown(attribute.value)}'/> in network ${this.#network}`, attribute)
  }

  #twice (child: Element, first: Element, parent: Element): void {
    const dev = devOf(child)
    if (child.name === 'nat') this.#complain(`Only one <nat> element is allowed in <forward> of network ${this.#network}`, child)
    else if (child.name !== 'interface') this.#complain(`element <${child.name}> appears twice in <${parent.name}>`, child)
    else if (dev === devOf(first)) this.#complain(`interface '${shown(dev)}' can only be listed once in network ${this.#network}`, child)
    else if (VIRTUAL.has(parent.attributes.find(({ name }) => name === 'mode')?.value ?? 'nat')) this.#complain(`multiple forwarding interfaces specified for network '${this.#network}', only one is supported`, child)
    else this.#complain('a pool of several interfaces is not supported yet', child, true)
  }

  /** Only text inside. */
  #bare (element: Element): void {
    this.#noAttributes(element, [])
    for (const child of element.children) this.#unknown('element', `<${shown(child.name)}>`, child.name, element, { rows: [] }, child)
  }

  #noAttributes (element: Element, known: readonly string[], later: readonly string[] = []): void {
    for (const attribute of element.attributes) {
      if (!known.includes(attribute.name)) this.#unknown('attribute', `'${shown(attribute.name)}'`, attribute.name, element, { rows: [], later }, attribute)
    }
  }

  #noInside (element: Element): void {
    this.#element({ ...element, attributes: [] }, { rows: [] }, '')
  }

  #unknown (what: string, quoted: string, name: string, parent: Element, { later }: Shape, place: Place): void {
    const known = later?.includes(name) === true
    this.#complain(known ? `${what} ${quoted} in <${parent.name}> is not supported yet` : `unknown ${what} ${quoted} in <${parent.name}>`, place, true)
  }
}

type AttributeRow = Extract<Row, { is: 'attribute' | 'fixed' }>
type ChildRow = Exclude<Row, AttributeRow>
interface Rows { readonly attributes: ReadonlyMap<string, AttributeRow>, readonly children: ReadonlyMap<string, ChildRow> }

const rowsByShape = new WeakMap<Shape, Rows>()

const listShapes = new WeakMap<Row, Shape>()

/** An element around a list, as one that has its items for children. */
function listShape (row: Extract<Row, { is: 'list' }>): Shape {
  const shape: Shape = listShapes.get(row) ?? { rows: [row.fixed, { is: 'many', name: row.item, field: row.field, of: row.of }] }
  listShapes.set(row, shape)
  return shape
}

/** The rows of an element by name; made once a shape. */
function rowsOf (shape: Shape): Rows {
  const known = rowsByShape.get(shape)
  if (known !== undefined) return known
  const attributes = new Map<string, AttributeRow>()
  const children = new Map<string, ChildRow>()
  for (const row of shape.rows) {
    if (row.is === 'attribute' || row.is === 'fixed') attributes.set(row.name, row)
    else children.set(row.name, row)
  }
  const rows = { attributes, children }
  rowsByShape.set(shape, rows)
  return rows
}

const devOf = (element: Element): string => element.attributes.find(({ name }) => name === 'dev')?.value ?? ''

const join = (path: string, field: string): string => path === '' ? field : `${path}.${field}`

/** A list that this reading began. */
const isOurs = (value: Plain | undefined): value is Plain[] => Array.isArray(value)
