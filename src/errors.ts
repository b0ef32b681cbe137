/**
 * Every error of netwright is one of five classes, all below `NetwrightError`. Callers switch on `code`, never on text.
 * `instanceof` works across two copies of the package: each class is branded by a registered symbol.
 */
import { types } from 'node:util'

/** What went wrong, stable across releases. */
export type ErrorCode =
  // input
  | 'NETWRIGHT_INVALID' // a definition, option or argument is malformed: `issues` says where
  // the kernel
  | 'NETWRIGHT_KERNEL' // the kernel refused a request: `errno`, `sentence`, `attribute` say why
  | 'NETWRIGHT_UNKNOWN_OUTCOME' // a reply was lost; the request may or may not have been carried out
  | 'NETWRIGHT_DECODE' // bytes from the kernel do not make sense
  | 'NETWRIGHT_CLOSED' // the channel, monitor or host is closed
  | 'NETWRIGHT_ADDON_MISSING' // native-shims are not built: `remedy` is the command
  // the host
  | 'NETWRIGHT_NO_PERMISSION' // a capability is missing: `missing` lists them
  | 'NETWRIGHT_NO_NAMESPACE' // the network namespace does not exist or went away
  | 'NETWRIGHT_LOCKED' // somebody else holds the lock: `holder` says who
  // networks
  | 'NETWRIGHT_NOT_FOUND'
  | 'NETWRIGHT_EXISTS' // a network of that name or uuid is there already
  | 'NETWRIGHT_ACTIVE' // it is running and must not be
  | 'NETWRIGHT_INACTIVE' // it is not running and must be
  | 'NETWRIGHT_TRANSIENT' // it has no stored definition
  | 'NETWRIGHT_NAME_IN_USE' // a link of that name exists and is not ours
  | 'NETWRIGHT_SUBNET_IN_USE' // a route or another network has that subnet: `conflict` names it
  | 'NETWRIGHT_NO_FREE_SUBNET'
  | 'NETWRIGHT_NO_FREE_ADDRESS'
  | 'NETWRIGHT_BRIDGE_FULL' // the kernel takes no more ports on that bridge
  | 'NETWRIGHT_STALE_PLAN' // the host has changed since the plan was made
  | 'NETWRIGHT_UNSUPPORTED' // valid libvirt, but netwright cannot do it (yet), or this kernel cannot
  // host bridges
  | 'NETWRIGHT_UPLINK_UNFIT' // that link cannot be the port of a bridge: `conflict` says why
  | 'NETWRIGHT_PROBE_FAILED' // the probe was not content with a change: it was taken back
  | 'NETWRIGHT_UNCONFIRMED' // nobody confirmed a change in time: it was taken back
  // dnsmasq
  | 'NETWRIGHT_DNSMASQ_MISSING'
  | 'NETWRIGHT_DNSMASQ_FAILED' // it exited: `exitCode`, `lastLines`
  | 'NETWRIGHT_PORT_IN_USE' // somebody listens on 53 or 67: `holder`
  // guests
  | 'NETWRIGHT_GUEST_REFUSED' // QEMU refused a command, or the guest does not let a device go: the message has QEMU's words
  | 'NETWRIGHT_GUEST_UNREACHABLE' // nobody answers at the QMP socket: `conflict.name`
  // outcome
  | 'NETWRIGHT_UNDO_INCOMPLETE' // the change failed and so did part of its undo: `left` names what stands
  | 'NETWRIGHT_TIMEOUT' // another process did not do its part in time
  | 'NETWRIGHT_ABORTED' // the caller's signal

/** Facts that an error carries; each is there only where it applies. */
export interface ErrorFacts {
  readonly cause?: unknown
  /** What to do about it, one sentence or one command. */
  readonly remedy?: string
  /** The object that is in the way. */
  readonly conflict?: { readonly kind: string, readonly name: string, readonly detail?: string }
  /** Objects that could not be undone and still stand, most recent first. */
  readonly left?: readonly string[]
  /** The same, by kind and name. */
  readonly remains?: readonly Remains[]
  readonly holder?: string
  readonly missing?: readonly string[]
  /** The network at fault. */
  readonly network?: string
  /** Where in what was asked for the fault lies: `networks[217].subnet`. */
  readonly place?: string
}

/** A thing that still stands although it should not: `{ kind: 'bridge', name: 'virbr1' }`. A part of a network's making that has no name of its own (`dnsmasq`, `links`, `nft elements`) names what it belongs to, or nothing. */
export interface Remains { readonly kind: string, readonly name: string }

/** `instanceof Error`, whatever realm the error is from: in a vm context (jest gives each test file one) Node's own errors are of other classes than ours. */
export const isError = (value: unknown): value is Error => value instanceof Error || types.isNativeError(value)

const brand = (name: string): symbol => Symbol.for(`netwright.${name}`)
const branded = (value: unknown, name: string): boolean =>
  typeof value === 'object' && value !== null && brand(name) in value

/** The base of all errors of this package. */
export class NetwrightError extends Error {
  readonly code: ErrorCode
  readonly remedy?: string
  readonly conflict?: ErrorFacts['conflict']
  readonly left?: readonly string[]
  readonly remains?: readonly Remains[]
  readonly holder?: string
  readonly missing?: readonly string[]
  readonly network?: string
  readonly place?: string

  constructor (code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = new.target.label // a bundler may give the class another name
    this.code = code
    if (facts.remedy !== undefined) this.remedy = facts.remedy
    if (facts.conflict !== undefined) this.conflict = facts.conflict
    if (facts.left !== undefined) this.left = facts.left
    if (facts.remains !== undefined) this.remains = facts.remains
    if (facts.holder !== undefined) this.holder = facts.holder
    if (facts.missing !== undefined) this.missing = facts.missing
    if (facts.network !== undefined) this.network = facts.network
    if (facts.place !== undefined) this.place = facts.place
    Object.defineProperty(this, brand(NetwrightError.label), { value: true })
  }

  protected static readonly label: string = 'NetwrightError'
  static override [Symbol.hasInstance] (value: unknown): boolean { return branded(value, this.label) }
}

/** One complaint about input, with its place: a JSON path, an XML line and column, or an option. */
export interface Issue {
  readonly message: string
  /** `ip[0].dhcp.range[0].start`, or `--timeout`. */
  readonly path?: string
  readonly line?: number
  readonly column?: number
  /** The file it stands in, where there are several. */
  readonly file?: string
}

/** Input is malformed or contradicts itself; nothing was changed. Code NETWRIGHT_INVALID (or NETWRIGHT_UNSUPPORTED). */
export class InputError extends NetwrightError {
  protected static override readonly label: string = 'InputError'
  readonly issues: readonly Issue[]
  constructor (issues: readonly Issue[], facts: ErrorFacts & { code?: 'NETWRIGHT_INVALID' | 'NETWRIGHT_UNSUPPORTED' } = {}) {
    super(facts.code ?? 'NETWRIGHT_INVALID', issues.map(sentence).join('\n'), facts)
    this.issues = issues
    Object.defineProperty(this, brand(InputError.label), { value: true })
  }
}

function sentence (issue: Issue): string {
  const place = issue.line === undefined ? issue.path : `line ${String(issue.line)}, column ${String(issue.column ?? 1)}`
  return [issue.file, place, issue.message].filter((part) => part !== undefined).join(': ')
}

/** Throws InputError where it is no object: programs without types pass anything. */
export function assertObject (value: unknown, path: string, expected: string): void {
  if (typeof value !== 'object' || value === null) throw new InputError([{ path, message: `expected ${expected}` }])
}

/** Where an error belongs. */
export interface Whereabouts {
  readonly network?: string
  readonly place?: string
  /** Before the message, where the message does not begin with it already: `network net217`. */
  readonly subject?: string
}

/** Tells where in a batch an error comes from: its class, code and facts stay, the message names the network. One that is told already, or that is none of ours, stays as it is. */
export function located (error: unknown, { network, place, subject }: Whereabouts): unknown {
  if (!(error instanceof NetwrightError) || error.place !== undefined) return error
  if (error instanceof InputError) return place === undefined ? error : placed(error, place)
  const set = (key: string, value: unknown): void => { Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: key !== 'message' }) }
  if (network !== undefined && error.network === undefined) set('network', network)
  if (place !== undefined) set('place', place)
  if (subject !== undefined && !error.message.startsWith(subject)) set('message', `${subject}: ${error.message}`)
  return error
}

/** Every complaint with its path in the whole. */
function placed ({ issues, code, cause, remedy }: InputError, place: string): InputError {
  const at = (path: string | undefined): string => path === undefined || path === '' ? place : `${place}.${path}`
  const where = issues.map(({ path, line, message, ...rest }) => ({ ...rest, path: at(path), message: line === undefined ? message : `line ${String(line)}, column ${String(rest.column ?? 1)}: ${message}` }))
  return new InputError(where, {
    place: at(issues[0]?.path), ...code === 'NETWRIGHT_UNSUPPORTED' ? { code } : {}, ...cause === undefined ? {} : { cause }, ...remedy === undefined ? {} : { remedy },
  })
}

/** The kernel refused: `RTM_NEWLINK vx0: ERANGE: VXLAN ID must be lower than 16777216 (IFLA_LINKINFO.…)`. */
export class KernelError extends NetwrightError {
  protected static override readonly label: string = 'KernelError'
  /** `RTM_NEWLINK`, `TUNSETIFF`, `open /proc/sys/net/ipv4/ip_forward`. */
  readonly request: string
  /** What the request was about: `virbr1`, `inet netwright postrouting`. */
  readonly object: string
  /** Positive: 17. */
  readonly errno: number
  /** `EEXIST`. */
  readonly errnoName: string
  /** The kernel's own words (extended acknowledgement), control characters escaped. */
  readonly sentence?: string
  /** `IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_VXLAN_ID`. */
  readonly attribute?: string

  constructor (refusal: { request: string, object: string, errno: number, errnoName: string, sentence?: string, attribute?: string }, facts: ErrorFacts = {}) {
    const why = refusal.sentence === undefined ? '' : `: ${refusal.sentence}`
    const where = refusal.attribute === undefined ? '' : ` (${refusal.attribute})`
    super('NETWRIGHT_KERNEL', `${refusal.request} ${refusal.object}: ${refusal.errnoName}${why}${where}`, facts)
    this.request = refusal.request
    this.object = refusal.object
    this.errno = refusal.errno
    this.errnoName = refusal.errnoName
    if (refusal.sentence !== undefined) this.sentence = refusal.sentence
    if (refusal.attribute !== undefined) this.attribute = refusal.attribute
    Object.defineProperty(this, brand(KernelError.label), { value: true })
  }
}

/** Bytes that cannot be decoded: where and why. */
export class DecodeError extends NetwrightError {
  protected static override readonly label: string = 'DecodeError'
  /** `RTM_NEWLINK.IFLA_LINKINFO.IFLA_INFO_KIND`. */
  readonly path: string
  readonly reason: string
  constructor (path: string, reason: string) {
    super('NETWRIGHT_DECODE', path === '' ? reason : `${path}: ${reason}`)
    this.path = path
    this.reason = reason
    Object.defineProperty(this, brand(DecodeError.label), { value: true })
  }
}

/** A child process (dnsmasq) did not do what it should. */
export class ProcessError extends NetwrightError {
  protected static override readonly label: string = 'ProcessError'
  readonly exitCode?: number
  readonly signal?: string
  readonly lastLines: readonly string[]
  constructor (code: ErrorCode, message: string, end: { exitCode?: number, signal?: string, lastLines?: readonly string[] }, facts: ErrorFacts = {}) {
    super(code, message, facts)
    if (end.exitCode !== undefined) this.exitCode = end.exitCode
    if (end.signal !== undefined) this.signal = end.signal
    this.lastLines = end.lastLines ?? []
    Object.defineProperty(this, brand(ProcessError.label), { value: true })
  }
}

const classes = { InputError, KernelError, DecodeError, ProcessError, NetwrightError } as const

/** Which of ours an error is, the closest; undefined where it is none. */
export function errorKind (error: unknown): string | undefined { return Object.entries(classes).find(([, kind]) => error instanceof kind)?.[0] }

/** An error of ours without its facts, as it comes from another thread; undefined where there is no such class. */
export function revived (kind: string, message: string): Error | undefined {
  const known = Object.entries(classes).find(([name]) => name === kind)?.[1]
  if (known === undefined) return undefined
  const error = new Error(message)
  Object.setPrototypeOf(error, known.prototype)
  for (const label of new Set(['NetwrightError', kind])) Object.defineProperty(error, brand(label), { value: true })
  return error
}
