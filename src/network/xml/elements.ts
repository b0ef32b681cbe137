/**
 * libvirt's `<network>` as one table: reading and writing are both derived from it, and so is what is unknown.
 * The order of rows is libvirt's order of output. Source: libvirt, docs/formatnetwork and virNetworkDefFormatBuf.
 */
import { isList, plainText, type Plain } from '../plain.js'
import { listed } from '../rule-words.js'
import { NAMESPACE } from './tree.js'

/** A value as an attribute's text, both ways. What `read` cannot make sense of it returns as text, for the check to complain about. */
export interface Codec { readonly read: (text: string) => Plain, readonly write: (value: Plain) => string }

/** One row of an element: where in XML, and under which name (`field`) in the model. */
export type Row =
  /** `<x NAME='value'>` */
  | { readonly is: 'attribute', readonly name: string, readonly field: string, readonly codec: Codec }
  /** `<NAME>value</NAME>` */
  | { readonly is: 'text', readonly name: string, readonly field: string }
  /** `<NAME>value</NAME>` any number of times */
  | { readonly is: 'texts', readonly name: string, readonly field: string }
  /** `<NAME ATTRIBUTE='value'/>`: an element around one value */
  | { readonly is: 'value', readonly name: string, readonly field: string, readonly attribute: string, readonly codec: Codec }
  /** `<NAME>…</NAME>` kept word for word */
  | { readonly is: 'verbatim', readonly name: string, readonly field: string }
  /** An element of its own, once */
  | { readonly is: 'one', readonly name: string, readonly field: string, readonly of: Shape }
  /** An element of its own, any number of times */
  | { readonly is: 'many', readonly name: string, readonly field: string, readonly of: Shape }
  /** `<NAME …><ITEM …/></NAME>`: an element around a list; `xmlns` is written at it */
  | { readonly is: 'list', readonly name: string, readonly field: string, readonly item: string, readonly of: Shape, readonly fixed: Extract<Row, { is: 'fixed' }> }
  /** `<forward dev='X'>` says again in `<interface dev='X'/>` what its attribute says */
  | { readonly is: 'again', readonly name: string, readonly field: string, readonly attribute: string }
  /** An attribute that always has the same value, in the document only */
  | { readonly is: 'fixed', readonly name: string, readonly value: string }

/** What an element may hold. */
export interface Shape {
  readonly rows: readonly Row[]
  /** libvirt never writes `<ip …/>`. */
  readonly neverEmpty?: true
  /** What libvirt has here and netwright does not have yet, elements and attributes. */
  readonly later?: readonly string[]
}

const plain: Codec = { read: (text) => text, write: plainText }
const yesNo: Codec = { read: (text) => text === 'yes' ? true : text === 'no' ? false : text, write: (value) => value === true ? 'yes' : 'no' }
/** libvirt takes anything but `off` for on. */
const onOff: Codec = { read: (text) => text !== 'off', write: (value) => value === true ? 'on' : 'off' }
/** Decimal digits without leading zeros: `010` means eight to some and ten to others. */
const number: Codec = { read: (text) => /^(?:0|[1-9]\d{0,14})$/.test(text) ? Number(text) : text, write: plainText }

const attribute = (name: string, codec = plain, field = name): Row => ({ is: 'attribute', name, field, codec })
const one = (name: string, rows: readonly Row[], later: readonly string[] = []): Row => ({ is: 'one', name, field: name, of: { rows, later } })
const many = (name: string, rows: readonly Row[], rest: Omit<Shape, 'rows'> = {}): Row => ({ is: 'many', name, field: name, of: { rows, ...rest } })

const lease = one('lease', [attribute('expiry', number), attribute('unit')])

const dhcp = one('dhcp', [
  many('range', [attribute('start'), attribute('end'), lease]),
  many('host', [attribute('mac'), attribute('id'), attribute('name'), attribute('ip'), lease]),
], ['bootp'])

const addressed = [attribute('family'), attribute('address'), attribute('netmask'), attribute('prefix', number)]

const dns = one('dns', [
  attribute('enable', yesNo), attribute('forwardPlainNames', yesNo),
  many('forwarder', [attribute('domain'), attribute('addr')], { later: ['port'] }),
  many('txt', [attribute('name'), attribute('value')]),
  many('srv', [
    attribute('service'), attribute('protocol'), attribute('domain'), attribute('target'),
    attribute('port', number), attribute('priority', number), attribute('weight', number),
  ]),
  many('host', [attribute('ip'), { is: 'texts', name: 'hostname', field: 'hostname' }]),
])

const forward = one('forward', [
  attribute('dev'), attribute('mode'),
  one('nat', [attribute('ipv6', yesNo)], ['address', 'port']),
  { is: 'again', name: 'interface', field: 'dev', attribute: 'dev' },
], ['managed', 'driver', 'pf', 'address'])

/** Not libvirt's own: elements of a namespace that it passes over. */
const xmlns: Extract<Row, { is: 'fixed' }> = { is: 'fixed', name: 'xmlns:netwright', value: NAMESPACE }

/** Not libvirt's: a subnet still to be chosen from the pools. */
const auto: Row = {
  is: 'one', name: 'netwright:auto', field: 'auto',
  of: { rows: [xmlns, attribute('prefix', number), attribute('dhcp', yesNo)] },
}

/** Ports of the host that lead to guests. */
const forwards: Row = {
  is: 'list', name: 'netwright:forwards', field: 'forwards', item: 'netwright:forward', fixed: xmlns,
  of: { rows: [attribute('proto'), attribute('address'), attribute('port', number), attribute('end', number), attribute('guest'), attribute('guestPort', number), attribute('networks', yesNo)] },
}

/** `a, b`: one attribute for several. */
const words: Codec = { read: listed, write: (value) => isList(value) ? value.map(plainText).join(', ') : plainText(value) }
/** A text, or yes. */
const textOrYes: Codec = { read: (text) => text === 'yes' ? true : text === 'no' ? false : text, write: (value) => value === true ? 'yes' : value === false ? 'no' : plainText(value) }

/** Networks that may talk with this one. */
const peers: Row = { is: 'list', name: 'netwright:peers', field: 'peers', item: 'netwright:peer', fixed: xmlns, of: { rows: [attribute('network'), attribute('direction')] } }

/** Addresses that rules name. */
const addressSets: Row = {
  is: 'list', name: 'netwright:addressSets', field: 'addressSets', item: 'netwright:addressSet', fixed: xmlns,
  of: { rows: [attribute('name'), { is: 'texts', name: 'netwright:address', field: 'addresses' }] },
}

/** What is let through, the first that matches. */
const rules: Row = {
  is: 'list', name: 'netwright:rules', field: 'rules', item: 'netwright:rule', fixed: xmlns,
  of: { rows: [attribute('action'), attribute('direction'), attribute('protocol'), attribute('ports', words), attribute('from', words), attribute('to', words), attribute('log', textOrYes), attribute('comment')] },
}

/** The host's services, for guests. */
const host: Row = {
  is: 'one', name: 'netwright:host', field: 'host',
  of: { rows: [xmlns, attribute('access'), attribute('icmp', yesNo), { is: 'many', name: 'netwright:allow', field: 'allow', of: { rows: [attribute('protocol'), attribute('ports', words)] } }] },
}

/** The root. */
export const networkShape: Shape = {
  rows: [
    attribute('ipv6', yesNo),
    { is: 'text', name: 'name', field: 'name' },
    { is: 'text', name: 'uuid', field: 'uuid' },
    { is: 'text', name: 'title', field: 'title' },
    { is: 'text', name: 'description', field: 'description' },
    { is: 'verbatim', name: 'metadata', field: 'metadata' },
    forward,
    one('bridge', [attribute('name'), attribute('stp', onOff), attribute('delay', number)], ['zone', 'macTableManager']),
    { is: 'value', name: 'mtu', field: 'mtu', attribute: 'size', codec: number },
    { is: 'value', name: 'mac', field: 'mac', attribute: 'address', codec: plain },
    one('domain', [attribute('name'), attribute('localOnly', yesNo)], ['register']),
    dns,
    many('ip', [...addressed, attribute('localPtr', yesNo), dhcp], { neverEmpty: true, later: ['tftp'] }),
    auto,
    many('route', [...addressed, attribute('gateway'), attribute('metric', number)]),
    forwards, peers, addressSets, rules, host,
  ],
  later: ['connections', 'trustGuestRxFilters', 'bandwidth', 'vlan', 'port', 'virtualport', 'portgroup', 'dnsmasq:options', 'xmlns:dnsmasq'],
}
