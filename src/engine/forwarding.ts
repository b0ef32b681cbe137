/**
 * IP forwarding is switched on only when a network needs it and only if it is off; who needs it is recorded for all owners of the
 * namespace, so that the last one to go puts everything back. Callers hold the namespace's lock.
 */
import { exceptions, forwardingState, restoreForwarding, switchForwarding, type ForwardingState } from '../kernel/forwarding.js'
import type { GuardContent } from '../kernel/guard.js'
import type { Context } from './context.js'
import { changeForwarding, readForwarding, type ForwardingChange, type ForwardingRecord } from './forwarding-log.js'

type Family = 'ipv4' | 'ipv6'
const families = { ipv4: 4, ipv6: 6 } as const
const both: readonly Family[] = ['ipv4', 'ipv6']

/** A network that wants to use forwarding. */
export interface Need { readonly bridge: string, readonly ipv4: boolean, readonly ipv6: boolean }

const guards = (record: Pick<ForwardingRecord, 'saved'>): readonly Family[] => both.filter((family) => record.saved.some((state) => state.family === families[family]))

/** What `dismiss` leaves to be done: the guard goes, or loses this; then `dismissed` writes the change down. */
export interface Dismissed { readonly guard?: GuardContent | 'all', readonly change?: ForwardingChange }

/**
 * Records who needs forwarding, also where it is on already and not by us: should somebody switch it off later, and a network of ours
 * then switch it on again, the guard must know them all. The switch comes after the commit of the guard: never a moment in which the host routes for strangers.
 */
export async function enlist (context: Context, needs: readonly Need[]): Promise<void> {
  const add = needs.filter(({ ipv4, ipv6 }) => ipv4 || ipv6).map(({ bridge, ipv4, ipv6 }) => ({ owner: context.owner, bridge, ipv4, ipv6 }))
  if (add.length === 0) return
  const old = await readForwarding(context.places.forwarding, context.book.session)
  const saved = [...old.saved]
  for (const family of both) {
    const number = families[family]
    if (!needs.some((need) => need[family]) || saved.some((state) => state.family === number)) continue
    const now = await forwardingState(context.netns.fd, number, [])
    if (now === undefined || now.on) continue
    const whole = await forwardingState(context.netns.fd, number, await exceptions(context.rtnl, number))
    if (whole !== undefined) saved.push(whole)
  }
  const restoring = old.restoring.filter((number) => !both.some((family) => families[family] === number && needs.some((need) => need[family])))
  const same = saved.length === old.saved.length && restoring.length === old.restoring.length
  await changeForwarding(context.places.forwarding, { ...same ? {} : { state: { saved, restoring } }, add }, context.book.session)
}

/** What a guard must hold; `only`: what these bridges add to one that holds the others. */
export interface Guarded extends GuardContent { only (bridges: readonly string[]): GuardContent }

/** All that the guard must hold now; undefined where none is needed. Asked at the commit, since others come and go while a dnsmasq starts. */
export async function guarded (context: Context): Promise<Guarded | undefined> {
  const record = await readForwarding(context.places.forwarding, context.book.session)
  if (record.saved.length === 0) return undefined
  return {
    families: guards(record),
    get bridges () { return [...record.users.keys()] },
    only: (bridges) => ({ bridges: bridges.filter((bridge) => record.users.has(bridge)), families: guards(record) }),
  }
}

/** Switches on what these networks need and what is off still, or again: whoever was to switch it may have failed. */
export async function switchOn (context: Context, needs: readonly Omit<Need, 'bridge'>[]): Promise<void> {
  const { saved } = await readForwarding(context.places.forwarding, context.book.session)
  for (const family of both) {
    const number = families[family]
    if (!needs.some((need) => need[family]) || !saved.some((state) => state.family === number)) continue
    // A write changes every interface's own value, even where it is on already.
    if ((await forwardingState(context.netns.fd, number, []))?.on === false) await switchForwarding(context.netns.fd, number, true)
  }
}

/**
 * These bridges need no forwarding any more. Puts back, with every interface's own value, what nobody needs now, and returns what the guard loses.
 * `staying`: those of them that still need it for fewer families. Where somebody else has switched forwarding since, that is left as it is. Can be repeated until `dismissed` has written it down.
 */
export async function dismiss (context: Context, bridges: readonly string[], staying: readonly Need[] = []): Promise<Dismissed> {
  const { forwarding } = context.places
  const old = await readForwarding(forwarding, context.book.session)
  const leaving = bridges.flatMap((bridge) => old.users.get(bridge) ?? []).filter(({ owner }) => owner === context.owner)
  if (leaving.length === 0) return {}
  const left = (family: Family): number => old.count[family] - leaving.filter((user) => user[family]).length + staying.filter((need) => need[family]).length
  const idle = old.saved.filter(({ family: number }) => both.every((family) => families[family] !== number || left(family) === 0))
  const { saved: before, restoring } = old
  if (idle.length > 0) await changeForwarding(forwarding, { state: { saved: before, restoring: idle.map(({ family }) => family) } }, context.book.session)
  for (const state of idle) await putBack(context, state, restoring.includes(state.family))
  const saved = before.filter((state) => !idle.includes(state))
  const change = {
    ...idle.length === 0 && restoring.length === 0 ? {} : { state: { saved, restoring: [] } },
    remove: leaving.map(({ bridge }) => bridge), ...staying.length === 0 ? {} : { add: staying.map((need) => ({ owner: context.owner, ...need })) },
  }
  if (before.length === 0) return { change }
  if (saved.length === 0) return { guard: 'all', change }
  const [all, some] = [guards({ saved: before }), guards({ saved })]
  const going = leaving.map(({ bridge }) => bridge).filter((name) => !staying.some(({ bridge }) => bridge === name))
  return { guard: { bridges: going, families: all.filter((family) => !some.includes(family)) }, change }
}

/** `again`: an earlier attempt may have switched it already, and then died before it put the interfaces' own values back. */
async function putBack (context: Context, state: ForwardingState, again: boolean): Promise<void> {
  if (!await restoreForwarding(context.netns.fd, state) && again) await restoreForwarding(context.netns.fd, state, state.on)
}

/** The guard has lost what `dismiss` said: now nobody needs to know any more. */
export async function dismissed (context: Context, { change }: Dismissed): Promise<void> {
  if (change !== undefined) await changeForwarding(context.places.forwarding, change, context.book.session)
}
