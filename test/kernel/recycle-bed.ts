/** What the tests of recycling see of a link, with other people's tools, and how they make one dirty. */
import type { Namespace } from '../harness/namespace.js'

const FAMILIES = ['ipv4/conf', 'ipv6/conf', 'ipv4/neigh', 'ipv6/neigh'] as const

/** The values of all settings of a link, by path below /proc/sys/net with the link's name taken out. Those that cannot be read are left out. */
export async function settings (ns: Namespace, dev: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const family of FAMILIES) {
    const text = await ns.must('sh', ['-c', `cd /proc/sys/net/${family}/${dev} 2>/dev/null && grep -s '' *; true`])
    for (const line of text.split('\n')) {
      const [name = '', value = ''] = line.split(/:(.*)/s)
      if (name !== '') found.set(`${family}/${name}`, value.replace(dev, 'DEV'))
    }
  }
  return found
}

/** What differs between a new link and a recycled one, and cannot be helped: src/kernel/launder.ts. */
const CLOSED = new Set(['ifindex', 'stats64', 'stats', 'carrier_changes', 'carrier_up_count', 'carrier_down_count', 'tso_max_size', 'tso_max_segs'])
/** Clocks, what they count down, and what the kernel draws by lot. */
const CLOCKS = new Set(['hello_timer', 'tcn_timer', 'topology_change_timer', 'gc_timer', 'valid_life_time', 'preferred_life_time', 'used', 'confirmed', 'updated', 'refcnt', 'timer', 'reachable'])

function pruned (value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).filter(([key]) => !CLOSED.has(key) && !CLOCKS.has(key)).map(([key, item]) => [key, pruned(item)]))
}

/** Everything about a link that ip, bridge, tc and /proc show, one line a fact. */
export async function facts (ns: Namespace, dev: string, what: 'bridge' | 'tap'): Promise<string[]> {
  const commands: [string, string[]][] = [
    ['ip', ['-j', '-d', '-s', 'link', 'show', 'dev', dev]], ['ip', ['-j', '-d', 'addr', 'show', 'dev', dev]], ['ip', ['-j', 'route', 'show', 'dev', dev, 'table', 'all']],
    ['ip', ['-j', '-6', 'route', 'show', 'dev', dev, 'table', 'all']], ['ip', ['-j', 'neigh', 'show', 'dev', dev]], ['ip', ['-j', 'neigh', 'show', 'proxy', 'dev', dev]],
    ['ip', ['-j', 'maddr', 'show', 'dev', dev]], ['ip', ['-j', 'ntable', 'show', 'dev', dev]],
    ['bridge', ['-j', 'fdb', 'show', ...what === 'bridge' ? ['br', dev] : ['dev', dev]]], ['bridge', ['-j', 'mdb', 'show', 'dev', dev]], ['bridge', ['-j', '-d', 'link', 'show', 'dev', dev]],
    ['tc', ['-j', 'qdisc', 'show', 'dev', dev]], ['tc', ['-j', 'filter', 'show', 'dev', dev]], ['tc', ['-j', 'filter', 'show', 'dev', dev, 'ingress']],
  ]
  const lines: string[] = []
  for (const [command, args] of commands) {
    const { stdout } = await ns.exec(command, args)
    const items = stdout.trim() === '' ? [] : JSON.parse(stdout) as unknown
    const title = [command, ...args.filter((arg) => !arg.startsWith('-'))].join(' ')
    for (const item of Array.isArray(items) ? items : [items]) {
      if (command === 'bridge') lines.push(`${title}: ${JSON.stringify(pruned(item), sorted)}`)
      else for (const [key, value] of Object.entries(pruned(item) as object)) lines.push(`${title}: ${key} ${JSON.stringify(value, sorted)}`)
    }
  }
  for (const [path, value] of await settings(ns, dev)) lines.push(`${path} ${value}`)
  return lines.sort()
}

/** Lists of objects have no order; neither has what the bridge itself has joined for a time, in order to hear queries: it joins when its first port comes up. */
function sorted (_key: string, value: unknown): unknown {
  if (!Array.isArray(value)) return value
  const items = value.filter((item: { readonly grp?: string, readonly state?: string }) => !(item.state === 'temp' && (item.grp === 'ff02::6a' || item.grp === '224.0.0.106')))
  return items.map((item: unknown) => JSON.stringify(item).replace(/"index":\d+,/, '')).sort()
}

/** What is in one list only: `- new`, `+ recycled`. */
export function unlike (fresh: readonly string[], recycled: readonly string[]): string[] {
  return [...fresh.filter((line) => !recycled.includes(line)).map((line) => `- ${line}`), ...recycled.filter((line) => !fresh.includes(line)).map((line) => `+ ${line}`)]
}

/** Sets every setting of a link to another value than it has. Left out: what cannot be taken back is another test's. */
export async function disturb (ns: Namespace, dev: string): Promise<void> {
  for (const family of FAMILIES) {
    // A value that the kernel does not take is tried one lower, then as 0.
    await ns.must('sh', ['-c', `cd /proc/sys/net/${family}/${dev} && for f in *; do case "$f" in stable_secret|disable_ipv6|mtu) continue;; esac; v=$(cat "$f"); case "$v" in *[!0-9-]*|'') continue;; esac
      for n in $((v + 1)) $((v - 1)) 0; do if echo "$n" 2>/dev/null >"$f"; then break; fi; done; done; true`])
  }
}
