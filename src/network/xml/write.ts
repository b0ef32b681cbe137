/** A network as libvirt writes it: two spaces, single quotes, libvirt's order. Pure. */
import { normalForm } from '../checks/review.js'
import { isList, isObject, plainCopy, plainText, type Plain, type PlainObject } from '../plain.js'
import type { Definition, NetworkSpec } from '../spec.js'
import { networkShape, type Row, type Shape } from './elements.js'

/** `virsh net-dumpxml`, with a newline at the end. Source: libvirt, virNetworkDefFormatBuf. */
export function networkXml (network: NetworkSpec | Definition): string {
  const { forward, ...rest } = network
  // A network without forwarding has no <forward>.
  const shownNetwork = plainCopy(normalForm(forward.mode === 'none' ? rest : network))
  return `${element('network', networkShape, isObject(shownNetwork) ? shownNetwork : {}, '').join('\n')}\n`
}

/** The file of a definition: `networkXml` below the warning that virsh's files carry. Source: libvirt, virXMLEmitWarning. */
export function storedXml (definition: NetworkSpec | Definition): string {
  const { name, uuid } = definition
  return `<!--
WARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE
OVERWRITTEN AND LOST. Changes to this xml configuration should be made using:
  virsh net-edit ${commentSafe(name) ? name : uuid ?? 'UUID'}
or other application using the libvirt API.
-->

${networkXml(definition)}`
}

/** Whether a name may stand in a comment and be pasted into a shell; libvirt writes the uuid in place of others (virXMLPickShellSafeComment). */
const commentSafe = (name: string): boolean => !name.includes('--') && !name.endsWith('-') && !/[\s!"#$&'()*;<>?[\\\]^`{|}~]/u.test(name)

function element (name: string, shape: Shape, value: PlainObject, indent: string): readonly string[] {
  const attributes = shape.rows.map((row) => attributeText(row, value)).join('')
  const children = shape.rows.flatMap((row) => child(row, value, `${indent}  `))
  if (children.length === 0 && shape.neverEmpty !== true) return [`${indent}<${name}${attributes}/>`]
  return [`${indent}<${name}${attributes}>`, ...children, `${indent}</${name}>`]
}

function attributeText (row: Row, value: PlainObject): string {
  if (row.is === 'fixed') return ` ${row.name}='${escaped(row.value)}'`
  const item = row.is === 'attribute' ? value[row.field] : undefined
  return row.is !== 'attribute' || item === undefined ? '' : ` ${row.name}='${escaped(row.codec.write(item))}'`
}

function child (row: Row, value: PlainObject, indent: string): readonly string[] {
  if (row.is === 'attribute' || row.is === 'fixed') return []
  const item = value[row.field]
  if (item === undefined) return []
  switch (row.is) {
    case 'text': return [text(row.name, item, indent)]
    case 'texts': return many(item).map((one) => text(row.name, one, indent))
    case 'value': return [`${indent}<${row.name} ${row.attribute}='${escaped(row.codec.write(item))}'/>`]
    case 'again': return [`${indent}<${row.name} ${row.attribute}='${escaped(plainText(item))}'/>`]
    case 'verbatim': return [`${indent}<${row.name}>${plainText(item)}</${row.name}>`]
    case 'one': return isObject(item) ? element(row.name, row.of, item, indent) : []
    case 'many': return many(item).flatMap((one) => isObject(one) ? element(row.name, row.of, one, indent) : [])
    case 'list': return [`${indent}<${row.name} ${row.fixed.name}='${escaped(row.fixed.value)}'>`, ...many(item).flatMap((one) => isObject(one) ? element(row.item, row.of, one, `${indent}  `) : []), `${indent}</${row.name}>`]
    default: return row satisfies never
  }
}

const text = (name: string, value: Plain, indent: string): string => `${indent}<${name}>${escaped(plainText(value), true)}</${name}>`

const many = (value: Plain): readonly Plain[] => isList(value) ? value : []

/** The five entities, as virBufferEscapeString; in attributes white space other than blanks too, else a reader turns it into blanks. */
function escaped (value: string, inText = false): string {
  const five = value.replace(/[&<>'"]/g, (character) => `&${NAMES[character] ?? ''};`).replaceAll('\r', '&#13;')
  return inText ? five : five.replaceAll('\n', '&#10;').replaceAll('\t', '&#9;')
}

const NAMES: Readonly<Record<string, string>> = { '&': 'amp', '<': 'lt', '>': 'gt', '\'': 'apos', '"': 'quot' }
