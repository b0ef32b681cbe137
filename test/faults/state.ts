/** What stands, without what differs between two equal networks: indexes, handles, pids, random names of records. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { networkState, type Snapshot } from '../harness/snapshot.js'
import type { Place } from './operations.js'

// A bridge finds out a moment later that it has no carrier.
const volatile = (key: string): boolean => /^(?:handle|ifindex|link_index|link_netnsid|.*_timer|metainfo|operstate|state|tso_max_size)$/.test(key)
// Link-local addresses and their routes come a moment after the carrier, with the first port.
const isLocal = (text: string): boolean => /"(?:dst|local)":"(?:fe80|ff00)::/.test(text)
// A new address joins the anycast address of its prefix twice where forwarding is switched on before the kernel's worker has come to it
// (dev_forward_change, addrconf_dad_completed), and leaves it once: of a busy kernel it stays as long as the link.
const isAnycast = (text: string): boolean => text.includes('"type":"anycast"')
const carrier = (item: unknown): boolean => item === 'NO-CARRIER' || item === 'LOWER_UP' || item === 'linkdown'

function plainly (value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.filter((item) => !carrier(item) && !(typeof item === 'object' && isLocal(JSON.stringify(item)))).map(plainly)
    return items.every((item) => typeof item === 'string') || items.every((item) => typeof item === 'object') ? items.sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1) : items
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).filter(([key]) => !volatile(key)).map(([key, inner]) => [key, key === 'elem' && Array.isArray(inner) ? inner.map((item) => JSON.stringify(plainly(item))).sort() : plainly(inner)]))
}

function readable (line: string): string {
  try { return JSON.stringify(plainly(JSON.parse(line))) } catch { return line }
}

/** Directories that are empty say nothing, but for those of the run directories. */
async function files (path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
  const below = await Promise.all(entries.map(async (entry) => entry.isDirectory() ? await files(join(path, entry.name)) : [join(path, entry.name)]))
  return entries.length === 0 && /\/run\/netwright\/netns-/.test(path) ? [`${path}/`] : below.flat()
}

/** Every dnsmasq, by its arguments. */
async function programs (): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map(async (pid) => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim()))
  return lines.filter((line) => /dnsmasq --conf-file/.test(line)).sort()
}

/** Neighbours come by themselves: multicast groups that are joined. */
const seen = ([heading]: readonly [string, unknown]): boolean => heading !== 'neighbours'

/** The state of a test's namespaces and files. Comparable by `difference`. */
export async function state ({ netns, guest, root }: Place): Promise<Snapshot> {
  const [host, inside, kept, shared, processes] = await Promise.all([networkState(netns), networkState(guest), files(root), files('/run/netwright'), programs()])
  // How many records the networks are spread over makes no difference.
  const records = [...new Set([...kept, ...shared].map((path) => path.replaceAll(/\b[0-9a-f]{18}\b/g, 'RECORD').replace(/netns-\d+/, 'netns-ID')))].sort()
  // The room for a stop may be used up while something stands; what has gone of a batch may be noted beside its record.
  const counted = records.some((path) => path.endsWith('RECORD.json')) ? records.filter((path) => !/(?:\/spare|\/RECORD\.\w+\.gone)$/.test(path)) : records
  return new Map([
    ...[...host].filter(seen).map(([heading, lines]): [string, readonly string[]] => [heading, lines.filter((line) => !heading.startsWith('routes') || !(isLocal(line) || isAnycast(line))).map(readable).sort()]),
    ...[...inside].filter(seen).map(([heading, lines]): [string, readonly string[]] => [`guest's ${heading}`, lines.filter((line) => !heading.startsWith('routes') || !(isLocal(line) || isAnycast(line))).map(readable).sort()]),
    ['files', counted], ['dnsmasq', processes],
  ])
}
