/**
 * Runs every check and every test file, each in a process of its own, and ends with one line: `N passed, N failed[, N skipped]`.
 *
 *     node dist/scripts/run-tests.js [--compiled ok|failed] [--quick] [--coverage] [FILTER...]
 *
 * --quick: what scripts/bundle-tests.js has made is newer than what the compiler wrote, and run in its place.
 * A filter is a part of a name: `kernel/`, `unit/netlink`, `check/lint`. uvu exits 0 when a suite hook throws or `.run()` is forgotten,
 * so its own figures are read: exit 0 and Passed = Total, something was there to run, and each skip is one that test/skips.json lists.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { has, probeAll } from '../test/harness/needs.js'
import { digest } from './digest.js'

export interface Verdict { readonly passed: number, readonly failed: number, readonly skipped: number, readonly why?: string, readonly output: string }
interface Job { readonly name: string, readonly command: readonly string[], readonly judge: (end: End) => Verdict }
export interface End { readonly output: string, readonly code: number | null, readonly late: boolean }

const root = fileURLToPath(new URL('../..', import.meta.url))
/** A file takes two minutes at the most on a slow machine with two beside it. */
const boundMs = 400_000
const checkBoundMs = 900_000
const coverageDirectory = `${root}coverage/raw`

/** Checks that are not tests count as one test each, so that a lint failure is a failure of the run. */
const checks: Readonly<Record<string, readonly string[]>> = {
  'check/lint': ['node_modules/eslint/bin/eslint.js', '--max-warnings', '0', '.'],
  'check/package': ['dist/scripts/check-package.js'],
  'check/types': ['node_modules/typescript/bin/tsc', '-p', 'test/types'],
  'check/layers': ['dist/scripts/check-layers.js'],
  'check/uapi': ['dist/scripts/check-uapi.js'],
}

/** What takes more than half a minute begins first, so that the run does not end with one of them alone. */
const longest = ['check/lint', 'faults/double', 'faults/errors', 'faults/batch500', 'faults/transaction', 'faults/calls', 'faults/batch', 'faults/recycle', 'check/package', 'cli/seeds', 'cli/seeds-virtual', 'cli/seeds-routed', 'cli/networks', 'faults/', 'unit/netlink/native-build', 'kernel/guests', 'kernel/workers', 'kernel/matrix', 'kernel/owners', 'kernel/auto', 'kernel/graves']
const rank = (name: string): number => { const at = longest.findIndex((begin) => name.startsWith(begin)); return at < 0 ? longest.length : at }

// eslint-disable-next-line no-control-regex -- what makes colours on a terminal
const plain = (text: string): string => text.replaceAll(/\u001b\[[0-9;]*m/g, '')

function judgeCheck ({ output, code, late }: End): Verdict {
  const why = late ? `still running after ${String(checkBoundMs / 1000)} s` : code === 0 ? undefined : `exit code ${String(code)}`
  return { passed: why === undefined ? 1 : 0, failed: why === undefined ? 0 : 1, skipped: 0, output, ...(why === undefined ? {} : { why }) }
}

function complaint (end: End, total: number, passed: number, skipped: number, reasons: readonly string[]): string | undefined {
  if (end.late) return `still running after ${String(boundMs / 1000)} s`
  if (Number.isNaN(total + passed + skipped)) return `no result (exit code ${String(end.code)}); is test.run() missing?`
  if (passed !== total) return `${String(total - passed)} of ${String(total)} failed`
  if (total + skipped === 0) return 'no tests in it'
  if (end.code !== 0) return `exit code ${String(end.code)} although every test passed`
  if (reasons.length !== skipped) return `${String(skipped)} skipped, ${String(reasons.length)} with a reason`
  const unjust = reasons.filter((key) => has(key))
  if (unjust.length > 0) return `skipped for want of ${unjust.join(', ')}, which is there`
  if (skipped > 0 && process.env.NETWRIGHT_TEST_ALL === '1') return `${String(skipped)} skipped under NETWRIGHT_TEST_ALL: ${reasons.join(', ')}`
  return undefined
}

/** What a test file's end means: uvu's figures, its exit code, and whether each skip is a listed one whose need is really missing. */
export function judgeTests (end: End): Verdict {
  const text = plain(end.output)
  const figure = (label: string): number => Number(new RegExp(`^  ${label}:\\s+(\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
  const [total, passed, skipped] = [figure('Total'), figure('Passed'), figure('Skipped')]
  const reasons = [...text.matchAll(/^#skip (\S+) /gm)].map((match) => match[1] ?? '')
  let why: string | undefined
  try {
    why = complaint(end, total, passed, skipped, reasons)
  } catch (error) {
    why = error instanceof Error ? error.message : String(error)
  }
  const good = Number.isNaN(passed) ? 0 : passed
  const failed = why === undefined ? 0 : Math.max(1, Number.isNaN(total) ? 1 : total - good)
  return { passed: good, failed, skipped: Number.isNaN(skipped) ? 0 : skipped, output: end.output, ...(why === undefined ? {} : { why }) }
}

/** Runs a command in a process group of its own; what outlives its time is killed as a whole. */
async function end (command: readonly string[], env: NodeJS.ProcessEnv, timeoutMs: number): Promise<End> {
  return await new Promise((resolve) => {
    const child = spawn(process.execPath, command, { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let late = false
    const add = (text: string): void => { output += text }
    child.stdout.setEncoding('utf8').on('data', add)
    child.stderr.setEncoding('utf8').on('data', add)
    const kill = (): void => { if (child.pid !== undefined) try { process.kill(-child.pid, 'SIGKILL') } catch { /* the group is gone */ } }
    const timer = setTimeout(() => { late = true; kill() }, timeoutMs)
    const done = (code: number | null): void => { clearTimeout(timer); running.delete(kill); resolve({ output, code, late }) }
    running.add(kill)
    child.on('error', (error) => { output += error.message; done(null) })
    child.on('exit', () => { setTimeout(kill, 500).unref() }) // whoever still holds its output
    child.on('close', done)
  })
}
const running = new Set<() => void>()

/** The test files whose source still exists: the output of a removed test stays in dist. Those of scripts/test-vm want another kernel. */
async function testFiles (): Promise<string[]> {
  const all = await readdir(`${root}dist/test`, { recursive: true })
  return all.filter((path) => path.endsWith('.test.js') && !path.startsWith('vm/') && existsSync(`${root}test/${path.replace(/\.js$/, '.ts')}`)).sort()
}

/** Those that make networks start in their sandbox before all of a test is loaded, instead of loading it twice. */
async function commandOf (path: string, quick: boolean): Promise<string[]> {
  const text = await readFile(`${root}dist/test/${path}`, 'utf8')
  return ['--enable-source-maps', .../(?:kernel-test|bed|every-step|tutorials)\.js'/.test(text) ? ['--import', './dist/test/harness/sandbox.js'] : [], `dist/${quick ? 'quick/tests' : 'test'}/${path}`]
}

async function jobs (filters: readonly string[], quick: boolean): Promise<Job[]> {
  const found: Job[] = Object.entries(checks).map(([name, command]) => ({ name, command, judge: judgeCheck }))
  for (const path of await testFiles()) {
    found.push({ name: path.replace(/\.test\.js$/, ''), command: await commandOf(path, quick), judge: judgeTests })
  }
  found.sort((a, b) => rank(a.name) - rank(b.name))
  return found.filter(({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter) || `test/${name}.test.ts`.includes(filter)))
}

async function runJob (job: Job, env: NodeJS.ProcessEnv): Promise<Verdict> {
  const started = performance.now()
  const isCheck = job.name.startsWith('check/')
  const verdict = job.judge(await end(job.command, isCheck ? withoutCoverage(env) : env, isCheck ? checkBoundMs : boundMs))
  const figures = [`${String(verdict.passed)} passed`, ...(verdict.failed > 0 ? [`${String(verdict.failed)} failed`] : []), ...(verdict.skipped > 0 ? [`${String(verdict.skipped)} skipped`] : [])]
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${verdict.why === undefined ? 'ok  ' : 'FAIL'} ${job.name}: ${figures.join(', ')} (${seconds} s)${verdict.why === undefined ? '' : ` ${verdict.why}`}`)
  return verdict
}

function withoutCoverage ({ NODE_V8_COVERAGE: _, ...rest }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return rest
}

/** One more than there are cores, at most eight: tests that make networks wait for the kernel a third of their time. */
async function runAll (queue: Job[], env: NodeJS.ProcessEnv): Promise<Map<Job, Verdict>> {
  const verdicts = new Map<Job, Verdict>()
  const worker = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) verdicts.set(job, await runJob(job, env))
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism() + 1, 8) }, worker))
  return verdicts
}

async function reportCoverage (): Promise<void> {
  const args = ['node_modules/c8/bin/c8.js', 'report', '--temp-directory', coverageDirectory, '--reports-dir', 'coverage', '--reporter', 'text-summary', '--reporter', 'json-summary', '--include', 'src/**', '--exclude-after-remap', '--all', '--src', 'src']
  const { output } = await end(args, process.env, checkBoundMs)
  console.log(output.trim())
  await rm(coverageDirectory, { recursive: true, force: true })
}

async function main (): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { compiled: { type: 'string' }, coverage: { type: 'boolean' }, quick: { type: 'boolean', default: false } } })
  const queue = await jobs(positionals, values.quick)
  const env: NodeJS.ProcessEnv = { ...process.env, ...probeAll(), FORCE_COLOR: '0', ...values.quick ? { NETWRIGHT_TEST_QUICK: '1' } : {} }
  if (values.coverage === true) {
    await rm(coverageDirectory, { recursive: true, force: true })
    await mkdir(coverageDirectory, { recursive: true })
    env.NODE_V8_COVERAGE = coverageDirectory
  }
  const verdicts = [...await runAll(queue, env)]
  for (const [job, verdict] of verdicts) if (verdict.why !== undefined) console.log(`\n--- ${job.name}: ${verdict.why}\n${verdict.output.trimEnd()}`)
  if (values.coverage === true) await reportCoverage()
  const sum = (of: (verdict: Verdict) => number): number => verdicts.reduce((total, [, verdict]) => total + of(verdict), 0)
  const passed = sum((verdict) => verdict.passed) + (values.compiled === 'ok' ? 1 : 0)
  const failed = sum((verdict) => verdict.failed) + (values.compiled === 'failed' ? 1 : 0) + (verdicts.length === 0 ? 1 : 0)
  const skipped = sum((verdict) => verdict.skipped)
  const complaints = digest(verdicts.flatMap(([{ name }, { why, output }]) => why === undefined ? [] : [{ name, why, output: plain(output) }]))
  if (complaints.length > 0) console.log(`\n--- in short\n${complaints.join('\n')}\n`)
  if (verdicts.length === 0) console.log(`nothing matches ${positionals.join(' ')}`)
  console.log(`${String(passed)} passed, ${String(failed)} failed${skipped > 0 ? `, ${String(skipped)} skipped` : ''}`)
  return failed === 0 ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => { for (const kill of running) kill(); process.exit(1) })
  process.exitCode = await main()
}
