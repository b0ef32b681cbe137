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
interface ForwardingRecord { readonly boot: string, readonly saved: readonly ForwardingState[], readonly users: readonly User[] }
/** A network that wants to use forwarding. */
export interface Need { readonly bridge: string, readonly ipv4: boolean, readonly ipv6: boolean }

const sysctl = v.object({ path: v.string(), value: v.string() })
const schema = v.object({
  boot: v.string(),
  saved: v.array(v.object({ family: v.picklist([4, 6]), on: v.boolean(), files: v.array(sysctl) })),
  users: v.array(v.object({ owner: v.string(), bridge: v.string(), ipv4: v.boolean(), ipv6: v.boolean() })),
})

async function read (context: Context): Promise<ForwardingRecord> {
  const empty = { boot: (await identity()).boot, saved: [], users: [] }
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

/** What `enlist` leaves to be done: the guard's part of the nft commit, then the switch. `guard` is all that the guard must hold. */
export interface Enlisted { readonly guard?: GuardContent, readonly switches: readonly (4 | 6)[] }
/** What `dismiss` leaves to be done: the guard goes, or loses this. */
export interface Dismissed { readonly guard?: GuardContent | 'all' }

/**
 * Records who needs forwarding. Where it is on already and not by us, nothing is recorded and nothing will be changed.
 * The switch comes after the commit of the guard: never a moment in which the host routes for strangers.
 */
export async function enlist (context: Context, needs: readonly Need[]): Promise<Enlisted> {
  const old = await read(context)
  const saved = [...old.saved]
  const switches: (4 | 6)[] = []
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
    switches.push(number)
  }
  if (saved.length === 0) return { switches: [] }
  const fresh = needs.map(({ bridge, ipv4, ipv6 }) => ({ owner: context.owner, bridge, ipv4, ipv6 })).filter(({ ipv4, ipv6 }) => ipv4 || ipv6)
  const bridges = fresh.map(({ bridge }) => bridge)
  const record = { boot: old.boot, saved, users: [...old.users.filter(({ bridge }) => !bridges.includes(bridge)), ...fresh] }
  await write(context, record)
  return { guard: { bridges: record.users.map(({ bridge }) => bridge), families: guards(record) }, switches }
}

/** Switches on what `enlist` found off. */
export async function switchOn (context: Context, { switches }: Enlisted): Promise<void> {
  for (const family of switches) await switchForwarding(context.netns.fd, family, true)
}

/**
 * These bridges need no forwarding any more. Puts back, with every interface's own value, what nobody needs now, and returns what the guard loses.
 * Where somebody else has switched forwarding since, that is left as it is.
 */
export async function dismiss (context: Context, bridges: readonly string[]): Promise<Dismissed> {
  const old = await read(context)
  const leaving = old.users.filter((user) => user.owner === context.owner && bridges.includes(user.bridge))
  if (leaving.length === 0) return {}
  const users = old.users.filter((user) => !leaving.includes(user))
  const idle = both.filter((family) => !users.some((user) => wants(user, family)))
  const saved: ForwardingState[] = []
  for (const state of old.saved) {
    if (idle.some((family) => families[family] === state.family)) await restoreForwarding(context.netns.fd, state)
    else saved.push(state)
  }
  const record = { boot: old.boot, saved, users: saved.length === 0 ? [] : users }
  await write(context, record)
  if (record.saved.length === 0) return { guard: 'all' }
  return { guard: { bridges: leaving.map(({ bridge }) => bridge), families: guards(old).filter((family) => !guards(record).includes(family)) } }
}
