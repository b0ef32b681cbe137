/**
 * What a link does not show is reset blindly, in one send for many links. The requests are the same for all but for the index, so they are encoded once
 * for each kind of link: encoding them anew would take most of a laundering.
 */
import { mapSlowly } from '../netlink/breathe.js'
import { send, type Outcome } from '../netlink/call.js'
import { hostOrder } from '../bytes/writer.js'
import { removeFirstAddress } from '../netlink/rtnl/addr.js'
import { link } from '../netlink/rtnl/link.js'
import { flushMdb } from '../netlink/rtnl/mdb.js'
import { flushFdb } from '../netlink/rtnl/neigh.js'
import { setNeighTable } from '../netlink/rtnl/neightbl.js'
import { qdisc, TC_H_INGRESS, TC_H_ROOT } from '../netlink/rtnl/qdisc.js'
import type { Request } from '../netlink/request.js'
import type { Transport } from '../netlink/transport.js'
import type { Buried } from './burial.js'
import type { Pristine } from './pristine.js'
import { poolMac, poolName, withMode } from './strip.js'

const IN6_ADDR_GEN_MODE_STABLE_PRIVACY = 2

/** What came of it. */
export interface Flushed {
  /** Why the link cannot be used again. */
  readonly spoiled?: string
  /** The kernel cannot flush its multicast groups. */
  readonly groups: boolean
  /** It had an address that is gone now; there may be more. */
  readonly addressed: boolean
}

/** Throws KernelError where nothing could be sent. */
export async function flush (transport: Transport, links: readonly { readonly one: Buried, readonly rooted: boolean }[], pristine: Pristine): Promise<Flushed[]> {
  const requests = await mapSlowly(links, ({ one, rooted }) => requestsFor(one, rooted, pristine))
  const outcomes = await send(transport, requests.flat().map(({ request }) => request))
  let at = 0
  return requests.map((mine) => {
    const found: { -readonly [K in keyof Flushed]: Flushed[K] } = { groups: false, addressed: false }
    for (const { verdict } of mine) {
      const outcome = outcomes[at++]
      const why = outcome === undefined || !outcome.acknowledged ? 'the kernel\'s answer was lost' : verdict(outcome, found)
      if (why !== undefined) found.spoiled ??= why
    }
    return found
  })
}

/** Says why the link cannot be used again, where the outcome does. */
type Verdict = (outcome: Outcome, found: { groups: boolean, addressed: boolean }) => string | undefined
interface Step { readonly request: Request, readonly verdict: Verdict }

const must: Verdict = ({ error }) => error?.message
const unless = (...names: readonly string[]): Verdict => (outcome) => outcome.errnoName === undefined || names.includes(outcome.errnoName) ? undefined : outcome.error?.message

/** `rooted`: its root qdisc may be somebody's. */
function requestsFor ({ index, kind }: Buried, rooted: boolean, pristine: Pristine): readonly Step[] {
  const name = poolName(index)
  const steps = templates(pristine, kind).filter(({ request }) => rooted || request.object !== ROOT).map(({ request, verdict, at }): Step => {
    const body = Buffer.from(request.body)
    for (const offset of at) hostOrder.little ? body.writeUInt32LE(index, offset) : body.writeUInt32BE(index, offset)
    return { request: { ...request, body, object: name }, verdict }
  })
  // The bridge's own MAC was flushed with the others; a new one comes back.
  return kind === 'bridge' ? [...steps, { request: link.change({ index, address: poolMac() }, name), verdict: must }] : steps
}

/** With the places where the index goes. */
interface Template extends Step { readonly at: readonly number[] }
const known = new WeakMap<Pristine, Template[]>()
const ROOT = 'root'
/** Stands for the index: no other number in these messages is like it. */
const INDEX = 0x7a6b_5c4d

function templates (pristine: Pristine, kind: Buried['kind']): readonly Template[] {
  let found = known.get(pristine)
  if (found === undefined) {
    found = steps(pristine, kind).map((step) => ({ ...step, at: placesOf(step.request.body) }))
    known.set(pristine, found)
  }
  return found
}

function placesOf (body: Buffer): number[] {
  const at: number[] = []
  for (let offset = 0; offset + 4 <= body.length; offset += 4) if ((hostOrder.little ? body.readUInt32LE(offset) : body.readUInt32BE(offset)) === INDEX) at.push(offset)
  return at
}

function steps (pristine: Pristine, kind: Buried['kind']): Step[] {
  return [
    ...kind === 'bridge' ? [
      { request: flushFdb(INDEX, ''), verdict: must },
      { request: flushMdb(INDEX, ''), verdict: ({ errnoName }: Outcome, found: { groups: boolean }) => { found.groups = errnoName !== undefined; return undefined } },
    ] : [],
    { request: removeFirstAddress(INDEX, ''), verdict: (outcome, found) => { found.addressed = outcome.errnoName === undefined; return unless('EADDRNOTAVAIL', 'ENODEV')(outcome, found) } },
    { request: qdisc.remove({ ifindex: INDEX, parent: TC_H_ROOT }, ROOT), verdict: unless('ENOENT', 'EINVAL', 'EOPNOTSUPP') },
    { request: qdisc.remove({ ifindex: INDEX, parent: TC_H_INGRESS, handle: 0xffff0000 }, ''), verdict: unless('ENOENT', 'EINVAL', 'EOPNOTSUPP') },
    ...pristine.neighbours.map(({ family, name, parms }): Step => {
      const { refcnt: _refcnt, reachableTime: _reachable, queueLen: _queueLen, rest: _rest, pad: _pad, ...settable } = parms ?? {}
      const table = { ...family === undefined ? {} : { family }, ...name === undefined ? {} : { name }, parms: { ...settable, ifindex: INDEX } }
      // Without IPv6 on the link (its MTU is too small) there is no table of its neighbours; it is made anew with the MTU.
      return { request: setNeighTable(table, ''), verdict: unless('ENOENT') }
    }),
    // The kernel takes this mode only from a link that has a secret: refusal is the proof that there is none.
    ...pristine.ipv6.size === 0 ? [] : [{
      request: withMode(INDEX, '', IN6_ADDR_GEN_MODE_STABLE_PRIVACY),
      verdict: (outcome: Outcome) => outcome.errnoName === undefined ? 'a secret for IPv6 addresses' : unless('EINVAL', 'EAFNOSUPPORT')(outcome, { groups: false, addressed: false }),
    }],
  ]
}
