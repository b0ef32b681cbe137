/**
 * IP forwarding is switched on only when a network needs it and only if it is off; who needs it is recorded for all owners of the
 * namespace, so that the last one to go puts everything back. Callers hold the namespace's lock.
 */
import * as v from 'valibot'
import { forwardingState, restoreForwarding, switchForwarding, type ForwardingState } from '../kernel/forwarding.js'
import type { GuardContent } from '../kernel/guard.js'
import { readLinks } from '../kernel/link-state.js'
import type { Context } from './context.js'
import { makeDirectory, readIfThere, removeFile, writeAtomic } from './files.js'
import { identity } from './identity.js'
import { dirname } from 'node:path'

type Family = 'ipv4' | 'ipv6'
const families = { ipv4: 4, ipv6: 6 } as const
const both: readonly Family[] = ['ipv4', 'ipv6']

interface User { readonly owner: string, readonly bridge: string, readonly ipv4: boolean, readonly ipv6: boolean }
interface ForwardingRecord {
  readonly boot: string
  readonly saved: readonly ForwardingState[]
  readonly users: readonly User[]
  /** Families that are being put back: a process that died half-way is not taken for somebody else's change. */
  readonly restoring: readonly (4 | 6)[]
}
/** A network that wants to use forwarding. */
export interface Need { readonly bridge: string, readonly ipv4: boolean, readonly ipv6: boolean }

const sysctl = v.object({ path: v.string(), value: v.string() })
const schema = v.object({
  boot: v.string(),
  saved: v.array(v.object({ family: v.picklist([4, 6]), on: v.boolean(), files: v.array(sysctl) })),
  users: v.array(v.object({ owner: v.string(), bridge: v.string(), ipv4: v.boolean(), ipv6: v.boolean() })),
  restoring: v.array(v.picklist([4, 6])),
})

async function read (context: Context): Promise<ForwardingRecord> {
  const empty = { boot: (await identity()).boot, saved: [], users: [], restoring: [] }
  const text = await readIfThere(context.places.forwarding)
  if (text === undefined) return empty
  let data: unknown
  try { data = JSON.parse(text) } catch { return empty }
  const result = v.safeParse(schema, data)
  return result.success && result.output.boot === empty.boot ? result.output : empty
}

async function write (context: Context, record: ForwardingRecord): Promise<void> {
  if (record.saved.length === 0 && record.users.length === 0) { await removeFile(context.places.forwarding); return }
  await makeDirectory(dirname(context.places.forwarding))
  await writeAtomic(context.places.forwarding, JSON.stringify(record), { durable: false })
}

const guards = (record: ForwardingRecord): readonly Family[] => both.filter((family) => record.saved.some((state) => state.family === families[family]))
const wants = (user: Need, family: Family): boolean => user[family]

/** What `dismiss` leaves to be done: the guard goes, or loses this; then `dismissed` is written down. */
export interface Dismissed { readonly guard?: GuardContent | 'all', readonly record?: ForwardingRecord }

/**
 * Records who needs forwarding, also where it is on already and not by us: should somebody switch it off later, and a network of ours
 * then switch it on again, the guard must know them all. The switch comes after the commit of the guard: never a moment in which the host routes for strangers.
 */
export async function enlist (context: Context, needs: readonly Need[]): Promise<void> {
  const old = await read(context)
  const saved = [...old.saved]
  let names: readonly string[] | undefined
  for (const family of both) {
    const number = families[family]
    if (!needs.some((need) => wants(need, family)) || saved.some((state) => state.family === number)) continue
    const now = await forwardingState(context.netns.fd, number, [])
    if (now === undefined || now.on) continue
    names ??= (await readLinks(context.rtnl, {})).map(({ name }) => name)
    const whole = await forwardingState(context.netns.fd, number, names)
    if (whole === undefined) continue
    saved.push(whole)
  }
  const fresh = needs.map(({ bridge, ipv4, ipv6 }) => ({ owner: context.owner, bridge, ipv4, ipv6 })).filter(({ ipv4, ipv6 }) => ipv4 || ipv6)
  if (fresh.length === 0) return
  const bridges = fresh.map(({ bridge }) => bridge)
  const restoring = old.restoring.filter((number) => !both.some((family) => families[family] === number && needs.some((need) => wants(need, family))))
  await write(context, { boot: old.boot, saved, users: [...old.users.filter(({ bridge }) => !bridges.includes(bridge)), ...fresh], restoring })
}

/** All that the guard must hold now; undefined where none is needed. Asked at the commit, since others come and go while a dnsmasq starts. */
export async function guarded (context: Context): Promise<GuardContent | undefined> {
  const record = await read(context)
  return record.saved.length === 0 ? undefined : { bridges: record.users.map(({ bridge }) => bridge), families: guards(record) }
}

/** Switches on what these networks need and what is off still, or again: whoever was to switch it may have failed. */
export async function switchOn (context: Context, needs: readonly Omit<Need, 'bridge'>[]): Promise<void> {
  const { saved } = await read(context)
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
  const old = await read(context)
  const leaving = old.users.filter((user) => user.owner === context.owner && bridges.includes(user.bridge))
  if (leaving.length === 0) return {}
  const users = [...old.users.filter((user) => !leaving.includes(user)), ...staying.map((need) => ({ owner: context.owner, ...need }))]
  const idle = old.saved.filter(({ family: number }) => !both.some((family) => families[family] === number && users.some((user) => wants(user, family))))
  if (idle.length > 0) await write(context, { ...old, restoring: idle.map(({ family }) => family) })
  for (const state of idle) await putBack(context, state, old.restoring.includes(state.family))
  const saved = old.saved.filter((state) => !idle.includes(state))
  const record = { boot: old.boot, saved, users, restoring: [] }
  if (old.saved.length === 0) return { record }
  if (saved.length === 0) return { guard: 'all', record }
  return { guard: { bridges: leaving.map(({ bridge }) => bridge).filter((name) => !staying.some(({ bridge }) => bridge === name)), families: guards(old).filter((family) => !guards(record).includes(family)) }, record }
}

/** `again`: an earlier attempt may have switched it already, and then died before it put the interfaces' own values back. */
async function putBack (context: Context, state: ForwardingState, again: boolean): Promise<void> {
  if (!await restoreForwarding(context.netns.fd, state) && again) await restoreForwarding(context.netns.fd, state, state.on)
}

/** The guard has lost what `dismiss` said: now nobody needs to know any more. */
export async function dismissed (context: Context, { record }: Dismissed): Promise<void> {
  if (record !== undefined) await write(context, record)
}
