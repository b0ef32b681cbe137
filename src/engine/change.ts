/** One thing that a plan changes, as plain JSON: what, why, whom it disturbs. Swapping `from` and `to` undoes it. Pure. */
import { mapSlowly } from '../netlink/breathe.js'
import type { Definition } from '../network/spec.js'

/** What a change does to the traffic of guests: nothing; packets lost for a moment, connections live on; cut off until it is over, or for good. */
export type Interruption = 'none' | 'blip' | 'outage'

/** What happens, why, and whom it disturbs. What a live update consists of is a list of these. */
export interface Consequence {
  /** `mtu of red: 1500 becomes 1400`. */
  readonly what: string
  readonly reason: string
  readonly interrupts: Interruption
}

/** A port with everything chosen but an `auto` address. A TAP of a plan is persistent and nobody's descriptor. */
export interface PlannedPort {
  readonly kind: 'tap' | 'veth'
  /** The host side's name. */
  readonly dev: string
  /** The guest's. */
  readonly mac: string
  /** `auto` until it is attached. */
  readonly address?: string
  readonly hostname?: string
  /** Of a TAP. */
  readonly queues?: number
  readonly vnetHdr?: boolean
  readonly owner?: number
  readonly group?: number
  /** Of a veth pair: where the guest side goes (a path), what it is called there, and whether it gets a default route. */
  readonly netns?: string
  readonly peer?: string
  readonly defaultRoute?: boolean
}

/** From one state to the next. What is missing is not there. */
export type Transition =
  /** The definition on disk. */
  | { readonly kind: 'stored', readonly from?: Definition, readonly to?: Definition }
  | { readonly kind: 'autostart', readonly from: boolean, readonly to: boolean }
  /** What runs: started, stopped, or (both there) changed while it runs. */
  | { readonly kind: 'running', readonly from?: Definition, readonly to?: Definition }
  | { readonly kind: 'port', readonly from?: PlannedPort, readonly to?: PlannedPort }
  /** Which file the network (or, with `dev`, its port) is made from: what `--prune` goes by. */
  | { readonly kind: 'source', readonly dev?: string, readonly from?: string, readonly to?: string }

export type Change = Consequence & Transition & {
  readonly network: string
  /** What a change of a running network consists of. */
  readonly parts?: readonly Consequence[]
}

const severity = { none: 0, blip: 1, outage: 2 } as const

/** The worst of them; none where there is none. */
export function worst (consequences: readonly Pick<Consequence, 'interrupts'>[]): Interruption {
  return consequences.reduce<Interruption>((most, { interrupts }) => severity[interrupts] > severity[most] ? interrupts : most, 'none')
}

/** A transition in words: `start network red`. */
export function wordsOf (network: string, transition: Transition): string {
  const { kind, from, to } = transition
  switch (kind) {
    case 'stored': return `${from === undefined ? 'define' : to === undefined ? 'undefine' : 'redefine'} network ${network}`
    case 'autostart': return `${to ? 'mark' : 'unmark'} network ${network} for autostart`
    case 'running': return from === undefined ? `start network ${network}` : to === undefined ? `stop network ${network}` : `change network ${network} while it runs`
    case 'port': return to === undefined ? `detach ${from?.kind ?? 'port'} ${from?.dev ?? ''} from network ${network}` : `attach ${to.kind} ${to.dev} to network ${network}`
    case 'source': return `${transition.dev === undefined ? `network ${network}` : `port ${transition.dev} of network ${network}`} ${to === undefined ? `is no longer made from ${from ?? ''}` : `is made from ${to}`}`
    default: return kind satisfies never
  }
}

/** What undoing the changes would do, in the order in which it is done; in slices. Undone twice, they are the same transitions again. */
export async function inverse (changes: readonly Change[]): Promise<Change[]> { return await mapSlowly(changes.toReversed(), undone) }

function undone (change: Change): Change {
  const transition = swapped(change)
  const { network, what, parts } = change
  return {
    ...transition, network, what: wordsOf(network, transition), reason: `undoes: ${what}`, interrupts: interruptionOf(transition, change.interrupts),
    ...parts === undefined ? {} : { parts: parts.map((part) => ({ ...part, reason: `undoes: ${part.what}` })) },
  }
}

/** Stopping cuts guests off, starting does not; what a live change disturbs, its way back disturbs too. */
function interruptionOf ({ kind, from, to }: Transition, before: Interruption): Interruption {
  if (kind !== 'running' && kind !== 'port') return 'none'
  return from === undefined ? 'none' : to === undefined ? 'outage' : before
}

function swapped (change: Transition): Transition {
  switch (change.kind) {
    case 'stored': return { kind: 'stored', ...turned(change) }
    case 'running': return { kind: 'running', ...turned(change) }
    case 'port': return { kind: 'port', ...turned(change) }
    case 'source': return { kind: 'source', ...change.dev === undefined ? {} : { dev: change.dev }, ...turned(change) }
    case 'autostart': return { kind: 'autostart', from: change.to, to: change.from }
    default: return change satisfies never
  }
}

function turned<T> ({ from, to }: { readonly from?: T, readonly to?: T }): { readonly from?: T, readonly to?: T } {
  return { ...to === undefined ? {} : { from: to }, ...from === undefined ? {} : { to: from } }
}
