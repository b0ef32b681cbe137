/** In which places two definitions differ, for people. Pure. */
import { isDeepStrictEqual } from 'node:util'

/** As many as a line holds. */
const SHOWN = 6

/** `mtu, ip[0].dhcp.range[0].end`: the places in which plain data differs. */
export function differences (from: unknown, to: unknown): string {
  const paths = [...places(from, to, '')]
  return `${paths.slice(0, SHOWN).join(', ')}${paths.length > SHOWN ? ` and ${String(paths.length - SHOWN)} more` : ''}`
}

function * places (from: unknown, to: unknown, path: string): Generator<string, void, undefined> {
  if (isDeepStrictEqual(from, to)) return
  const [before, after] = [membersOf(from), membersOf(to)]
  if (before === undefined || after === undefined || Array.isArray(from) !== Array.isArray(to)) { yield path; return }
  for (const key of new Set([...before.keys(), ...after.keys()])) yield * places(before.get(key), after.get(key), Array.isArray(from) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`)
}

function membersOf (value: unknown): ReadonlyMap<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined
}
