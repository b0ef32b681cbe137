/** What stands on the demonstration's host, for a comparison of before and after. All of it is read by netwright, nothing by a tool. */
import { readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { listChains, listRules, listSets, listTables } from 'netwright/nft'
import { dumpAddrs, dumpLinks, dumpRoutes, IFF_RUNNING, openChannel } from 'netwright/rtnl'
import type { Stage } from './stage.js'

/** A kind of thing, and all there are of it, a line each. */
export type Traces = ReadonlyMap<string, readonly string[]>

const NETLINK_NETFILTER = 12

/** The kernel's link watch sets it up to a second after the cable is in. */
const steady = (flags = 0): number => flags & ~IFF_RUNNING
const line = (value: object): string => JSON.stringify(value)

async function nft (fd: number): Promise<string[]> {
  const transport = await openChannel({ protocol: NETLINK_NETFILTER, netns: fd })
  try {
    const tables = await listTables(transport)
    const sets = await Promise.all(tables.map(({ family = 'unspec', name = '' }) => listSets(transport, { family, table: name })))
    return [
      ...tables.map(({ family, name }) => ['table', family, name]),
      ...(await listChains(transport)).map((each) => ['chain', each.family, each.table, each.name]),
      ...(await listRules(transport)).map((each) => ['rule', each.family, each.table, each.chain, String(each.handle)]),
      ...sets.flat().map((each) => ['set', each.family, each.table, each.name]),
    ].map((words) => words.join(' '))
  } finally { await transport.close() }
}

async function files (directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))
}

/** Locks and notes of one namespace, which lie in one place whatever the root. */
async function shared (inode: string): Promise<string[]> {
  const names = await readdir('/run/netwright').catch(() => [])
  return names.filter((name) => name.startsWith(`netns-${inode}`)).map((name) => join('/run/netwright', name))
}

async function processes (inode: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const namespaces = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/net`).catch(() => '')))
  return pids.filter((_, i) => namespaces[i] === `net:[${inode}]`)
}

/** Reads all of it afresh. */
export async function traces ({ host, root }: Stage, signal: AbortSignal): Promise<Traces> {
  const { rtnl, fd, inode, agent } = host
  const links = await dumpLinks(rtnl)
  const addresses = await dumpAddrs(rtnl)
  const routes = await dumpRoutes(rtnl)
  const found: readonly (readonly [string, readonly string[]])[] = [
    ['links', links.map(({ index, ifname, flags, mtu, master, linkinfo }) => line({ index, ifname, flags: steady(flags), mtu, master, kind: linkinfo?.kind }))],
    ['addresses', addresses.map(({ index, local, address, prefixlen }) => line({ index, local, address, prefixlen }))],
    ['routes', routes.map(({ dst, dstLen, gateway, oif, table, type }) => line({ dst, dstLen, gateway, oif, table, type }))],
    ['nftables: tables, chains, rules, sets', await nft(fd)],
    ['forwarding switches, with their values', (await agent.ask(signal, 'switches')).split('\n')],
    ['processes', (await processes(inode)).filter((pid) => pid !== String(agent.pid))],
    ['files', [...await files(root), ...await shared(inode)]],
  ]
  return new Map(found.map(([what, lines]) => [what, [...lines].sort()]))
}

/** What is in one but not in the other: `+ links {…}`, `- routes {…}`. */
export function difference (before: Traces, after: Traces): string[] {
  return [...before].flatMap(([what, was]) => {
    const is = after.get(what) ?? []
    return [...was.filter((each) => !is.includes(each)).map((each) => `- ${what}: ${each}`), ...is.filter((each) => !was.includes(each)).map((each) => `+ ${what}: ${each}`)]
  })
}

/** How many there were: before, while the network ran, and after. */
export function countsTable (before: Traces, during: Traces, after: Traces): string[] {
  const wide = Math.max(...[...before.keys()].map((what) => what.length))
  const row = (what: string, ...counts: readonly string[]): string => `  ${what.padEnd(wide)}${counts.map((count) => count.padStart(8)).join('')}`
  return [row('', 'before', 'during', 'after'), ...[...before.keys()].map((what) => row(what, ...[before, during, after].map((each) => String(each.get(what)?.length ?? 0))))]
}
