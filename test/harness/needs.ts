/** What a test needs of the machine beyond root: probed once a run, and a missing one is a loud, listed skip. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** test/skips.json: `{ "dummy": { "reason": "this kernel has no dummy links", "probe": "ip link add …" } }`. The probe runs in `sh`, in a throw-away network namespace; 0 means there. */
export type Needs = Readonly<Record<string, { readonly reason: string, readonly probe: string }>>

const listed = new URL('../../../test/skips.json', import.meta.url)

/** The needs that may be missing. */
export function knownNeeds (): Needs {
  return JSON.parse(readFileSync(listed, 'utf8')) as Needs
}

function probe (script: string): boolean {
  return spawnSync('unshare', ['--net', 'sh', '-c', script], { stdio: 'ignore', timeout: 30_000 }).status === 0
}

/** Set by the runner: `{"dummy":false,"dnsmasq":true}`, so that each probe runs once a run and not once a file. */
const answered = 'NETWRIGHT_TEST_NEEDS'
const answers = new Map<string, boolean>(Object.entries(JSON.parse(process.env[answered] ?? '{}') as Record<string, boolean>))

/** Whether a need is there. Throws for one that test/skips.json does not list. */
export function has (key: string): boolean {
  const known = answers.get(key)
  if (known !== undefined) return known
  const need = knownNeeds()[key]
  if (need === undefined) throw new Error(`a test needs '${key}', which test/skips.json does not list`)
  const found = probe(need.probe)
  answers.set(key, found)
  return found
}

/** Probes everything; returns the variable that hands the answers to the test processes. */
export function probeAll (): Record<string, string> {
  return { [answered]: JSON.stringify(Object.fromEntries(Object.keys(knownNeeds()).map((key) => [key, has(key)]))) }
}

/** The line that tells the runner why a test was skipped. */
export const skipLine = (key: string, name: string): string => `#skip ${key} ${name}\n`
