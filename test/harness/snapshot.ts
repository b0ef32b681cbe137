/** Everything that must be as before: taken twice, compared line by line. */
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { must } from './command.js'

/** Lines under headings; two snapshots are equal when all lines are. */
export type Snapshot = ReadonlyMap<string, readonly string[]>

/** What prints a line of JSON each, in this order. As few processes as can be: nearly every test reads all of it four times. */
const headings = ['links', 'addresses', 'routes IPv4', 'rules IPv4', 'neighbours', 'routes IPv6', 'rules IPv6', 'ruleset'] as const
const readAll = `set -e
ip -j -d link
ip -j -batch - <<EOF
addr
route show table all
rule
neigh show nud all
EOF
ip -j -6 -batch - <<EOF
route show table all
rule
EOF
nft -j list ruleset
# A link may go while it reads: exit code 2.
grep -s . /dev/null /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/forwarding /proc/sys/net/ipv6/conf/*/forwarding || [ $? = 2 ]`
/** Values that run by themselves: they are not state that somebody left. */
const restless = new Set(['valid_life_time', 'preferred_life_time', 'expires', 'used', 'probes'])

function lines (value: unknown): string[] {
  const items = Array.isArray(value) ? value as unknown[] : typeof value === 'object' && value !== null && 'nftables' in value && Array.isArray(value.nftables) ? value.nftables as unknown[] : [value]
  return items.map((item) => JSON.stringify(item, (key, inner: unknown) => restless.has(key) ? undefined : inner)).filter((line) => line !== '{}').sort()
}

/** Reads a small file, or says that it is not there. */
const text = async (path: string): Promise<string> => await readFile(path, 'utf8').then((data) => data.trim(), () => 'not there')

/** What stands in a network namespace (without a name: in the one of this process): links, addresses, routes, rules, neighbours, nftables, forwarding. */
export async function networkState (namespace?: string): Promise<Snapshot> {
  const printed = await (namespace === undefined ? must('sh', ['-c', readAll]) : must('ip', ['netns', 'exec', namespace, 'sh', '-c', readAll]))
  const rows = printed.trimEnd().split('\n')
  const state = headings.map((heading, at): [string, readonly string[]] => [heading, lines(JSON.parse(rows[at] ?? ''))])
  // /proc/sys/net shows the reader's own.
  state.push(['forwarding', rows.slice(headings.length).sort()])
  return new Map(state.sort(([a], [b]) => a < b ? -1 : 1))
}

async function files (path: string, ignore: ReadonlySet<string>): Promise<string[]> {
  if (ignore.has(path)) return []
  const stat = await lstat(path).catch(() => undefined)
  if (stat === undefined) return []
  if (!stat.isDirectory()) return [`${path} (${String(stat.size)} bytes)`]
  const below = await readdir(path).catch(() => [])
  return [`${path}/`, ...(await Promise.all(below.sort().map((name) => files(join(path, name), ignore)))).flat()]
}

async function processes (): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name))
  const found = await Promise.all(pids.map(async (pid) => {
    const stat = await text(`/proc/${pid}/stat`)
    const command = (await text(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ')
    if (stat === 'not there' || stat === '' || Number(pid) === process.pid) return undefined
    return `${pid} ${command === '' ? stat.split(' ').slice(1, 3).join(' ') : command}`
  }))
  return found.filter((line) => line !== undefined).sort()
}

/** Open descriptors by kind and count: numbers of sockets and pipes differ from one to the next. */
async function descriptors (): Promise<string[]> {
  const counts = new Map<string, number>()
  let loops = 2 // this thread's, and that of netwright's own
  for (const fd of await readdir('/proc/self/fd')) {
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => undefined)
    if (target === undefined || /^\/proc\/\d+\/fd$/.test(target)) continue // the directory that is being read
    const kind = target.replace(/^(socket|pipe):.*/, '$1')
    if (kind === '/dev/null') continue // libuv keeps one for good after the first stream of a loop, to have a descriptor to close when there are too many
    if (kind === 'anon_inode:inotify' && loops-- > 0) continue // libuv keeps one for good after the first fs.watch of a loop
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts].filter(([, count]) => count > 0).map(([kind, count]) => `${String(count)} × ${kind}`).sort()
}

async function threads (): Promise<string[]> {
  const tasks = await readdir('/proc/self/task')
  const links = await Promise.all(tasks.map((task) => readlink(`/proc/self/task/${task}/ns/net`).catch(() => undefined)))
  return [...new Set(links.filter((link) => link !== undefined))].sort()
}

/** What stands on the machine, which in a sandbox is all ours: its own network, namespaces, processes, descriptors, threads, files. `ignore`: paths that belong to the test. */
export async function machineState (ignore: ReadonlySet<string>): Promise<Snapshot> {
  const network = await networkState()
  const found = await Promise.all(['/run', '/etc/netwright', '/etc/netns', '/var/lib/netwright'].map((path) => files(path, ignore)))
  const empty = new Set(['/run/netns/', ...[...ignore].map((path) => `${path}/`)])
  return new Map([
    ...network,
    ['files', found.flat().filter((line) => !empty.has(line))],
    ['processes', await processes()],
    ['threads\' namespaces', await threads()],
    ['descriptors', await descriptors()],
  ])
}

/** One line for each line that is only before (`-`) or only after (`+`), under its heading; empty when they are equal. */
export function difference (before: Snapshot, after: Snapshot): string[] {
  const out: string[] = []
  for (const heading of new Set([...before.keys(), ...after.keys()])) {
    const was = [...before.get(heading) ?? []]
    const is: string[] = []
    for (const line of after.get(heading) ?? []) {
      const at = was.indexOf(line)
      if (at < 0) is.push(line)
      else was.splice(at, 1)
    }
    out.push(...was.map((line) => `- ${heading}: ${line}`), ...is.map((line) => `+ ${heading}: ${line}`))
  }
  return out
}

/** How long asynchronous ends (a process, a link, a descriptor) may take to be seen. The harness's own tests leave things behind on purpose and do not wait as long. */
export const settleMs = Number(process.env.NETWRIGHT_TEST_SETTLE_MS ?? 45_000)

/** Takes snapshots until one equals `before` or `settleMs` have passed; returns the last difference. */
export async function settle (before: Snapshot, take: () => Promise<Snapshot>): Promise<string[]> {
  const deadline = Date.now() + settleMs
  for (;;) {
    const late = Date.now() > deadline
    const left = await take().then((now) => difference(before, now), (error: unknown) => { if (late) throw error; return ['what goes while it is read'] })
    if (left.length === 0 || late) return left
    await sleep(50)
  }
}
