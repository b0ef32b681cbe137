/**
 * Runs every check and every test file, each in a process of its own, and ends with one line: `N passed, N failed[, N skipped]`.
 *
 *     node dist/scripts/run-tests.js [--compiled ok|failed] [--coverage] [FILTER...]
 *
 * A filter is a part of a name: `kernel/`, `unit/netlink`, `check/lint`. uvu exits 0 when a suite hook throws or `.run()` is forgotten,
 * so its own figures are read: exit 0 and Passed = Total, something was there to run, and each skip is one that test/skips.json lists.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { has, probeAll } from '../test/harness/needs.js'

export interface Verdict { readonly passed: number, readonly failed: number, readonly skipped: number, readonly why?: string, readonly output: string }
interface Job { readonly name: string, readonly heavy: boolean, readonly command: readonly string[], readonly judge: (end: End) => Verdict }
export interface End { readonly output: string, readonly code: number | null, readonly late: boolean }

const root = fileURLToPath(new URL('../..', import.meta.url))
/** A file takes a minute and a half at the most on a slow machine with another one beside it. */
const boundMs = 300_000
const checkBoundMs = 420_000
const coverageDirectory = `${root}coverage/raw`

/** Checks that are not tests count as one test each, so that a lint failure is a failure of the run. */
const checks: Readonly<Record<string, readonly string[]>> = {
  'check/lint': ['node_modules/eslint/bin/eslint.js', '--max-warnings', '0', '.'],
  'check/package': ['dist/scripts/check-package.js'],
  'check/types': ['node_modules/typescript/bin/tsc', '-p', 'test/types'],
  'check/layers': ['dist/scripts/check-layers.js'],
  'check/uapi': ['dist/scripts/check-uapi.js'],
}

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

async function jobs (filters: readonly string[]): Promise<Job[]> {
  const found: Job[] = Object.entries(checks).map(([name, command]) => ({ name, heavy: false, command, judge: judgeCheck }))
  for (const path of await testFiles()) {
    found.push({ name: path.replace(/\.test\.js$/, ''), heavy: !path.startsWith('unit/'), command: ['--enable-source-maps', `dist/test/${path}`], judge: judgeTests })
  }
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

/** Light jobs on every core, heavy ones (they make networks) two at a time. */
async function runAll (queue: Job[], env: NodeJS.ProcessEnv): Promise<Map<Job, Verdict>> {
  const verdicts = new Map<Job, Verdict>()
  let heavy = 0
  const worker = async (): Promise<void> => {
    for (;;) {
      const at = queue.findIndex((job) => !job.heavy || heavy < 2)
      const [job] = at < 0 ? [] : queue.splice(at, 1)
      if (job === undefined) return // what is left is heavy, and the workers that run heavy jobs go on with it
      if (job.heavy) heavy++
      verdicts.set(job, await runJob(job, env))
      if (job.heavy) heavy--
    }
  }
  await Promise.all(Array.from({ length: Math.max(2, Math.min(availableParallelism(), 8)) }, worker))
  return verdicts
}

async function reportCoverage (): Promise<void> {
  const args = ['node_modules/c8/bin/c8.js', 'report', '--temp-directory', coverageDirectory, '--reports-dir', 'coverage', '--reporter', 'text-summary', '--reporter', 'json-summary', '--include', 'src/**', '--exclude-after-remap', '--all', '--src', 'src']
  const { output } = await end(args, process.env, checkBoundMs)
  console.log(output.trim())
  await rm(coverageDirectory, { recursive: true, force: true })
}

async function main (): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { compiled: { type: 'string' }, coverage: { type: 'boolean' } } })
  const queue = await jobs(positionals)
  const env: NodeJS.ProcessEnv = { ...process.env, ...probeAll(), FORCE_COLOR: '0' }
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
  if (verdicts.length === 0) console.log(`nothing matches ${positionals.join(' ')}`)
  console.log(`${String(passed)} passed, ${String(failed)} failed${skipped > 0 ? `, ${String(skipped)} skipped` : ''}`)
  return failed === 0 ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => { for (const kill of running) kill(); process.exit(1) })
  process.exitCode = await main()
}
