/** `netwright/testing` under the real commands of uvu, node:test, vitest and jest, in their workers: a good test passes, and one that leaves something fails. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cp, mkdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { exec, type Outcome } from '../harness/command.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'

const checkout = fileURLToPath(new URL('../../../', import.meta.url))
const runners = join(checkout, 'test/runners')
const names = { good: 'a network comes and goes', refused: 'errors are typed', leaky: 'a forgotten network' }

/** A project of somebody's with netwright installed, as npm does it, and with these runners. */
async function project (tmp: string): Promise<string> {
  const directory = join(tmp, 'project')
  const modules = join(directory, 'node_modules')
  await mkdir(join(modules, 'netwright/native-shims'), { recursive: true })
  await cp(join(runners, 'samples'), join(directory, 'samples'), { recursive: true })
  await cp(join(checkout, 'package.json'), join(modules, 'netwright/package.json'))
  await cp(join(checkout, 'dist/bundle'), join(modules, 'netwright/dist/bundle'), { recursive: true })
  await cp(join(checkout, 'native-shims/build'), join(modules, 'netwright/native-shims/build'), { recursive: true })
  const { dependencies } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  for (const name of [...Object.keys(dependencies), 'uvu']) await symlink(join(checkout, 'node_modules', name), join(modules, name))
  for (const name of ['vitest', 'jest']) await symlink(join(runners, 'node_modules', name), join(modules, name))
  return directory
}

interface Run { readonly command: readonly string[], readonly pool?: 'threads' | 'forks', readonly options?: string }

async function run ({ tmp }: KernelTest, { command, pool, options }: Run): Promise<Outcome> {
  const env = { SAMPLE_ROOT: tmp, SAMPLE_POOL: pool ?? '', NODE_V8_COVERAGE: '', NODE_OPTIONS: options ?? '', FORCE_COLOR: '0', CI: '1', HOME: tmp }
  const { stdout, stderr, code } = await exec(process.execPath, command, { cwd: await project(tmp), env, timeoutMs: 90_000 })
  return { stdout: stripVTControlCharacters(stdout), stderr, code }
}

/** What each test came to, and why one failed. */
type Verdicts = Readonly<Record<string, { readonly passed: boolean, readonly message: string }>>

function judge (outcome: Outcome, verdicts: Verdicts): void {
  const all = `${outcome.stdout}${outcome.stderr}`
  assert.equal(Object.keys(verdicts).sort(), Object.values(names).sort(), all)
  assert.ok(verdicts[names.good]?.passed, all)
  assert.ok(verdicts[names.refused]?.passed, all)
  assert.not.ok(verdicts[names.leaky]?.passed, all)
  assert.match(verdicts[names.leaky]?.message ?? '', /left behind:\s+link left0 \(bridge\)/)
  assert.is(outcome.code, 1, 'the runner ends as after any failed test')
}

/** Of the JSON that vitest and jest print. */
function ofJson ({ stdout, stderr }: Outcome): Verdicts {
  interface Report { readonly testResults: readonly { readonly assertionResults: readonly { readonly title: string, readonly status: string, readonly failureMessages: readonly string[] }[] }[] }
  const start = stdout.indexOf('{"num')
  if (start < 0) throw new Error(`no report:\n${stdout}${stderr}`)
  const { testResults } = JSON.parse(stdout.slice(start, stdout.lastIndexOf('}') + 1)) as Report
  return Object.fromEntries(testResults.flatMap(({ assertionResults }) => assertionResults).map(({ title, status, failureMessages }) => [title, { passed: status === 'passed', message: failureMessages.join('\n') }]))
}

for (const pool of ['threads', 'forks'] as const) {
  kernelTest(test, `runners: vitest, ${pool}`, async (context) => {
    const outcome = await run(context, { command: [join(runners, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'samples/vitest.config.mjs', '--root', '.', '--pool', pool, '--reporter', 'json'], pool })
    judge(outcome, ofJson(outcome))
  }, { needs: ['dnsmasq', 'tun', 'runners'] })

  kernelTest(test, `runners: jest, ${pool === 'threads' ? 'worker threads' : 'worker processes'}`, async (context) => {
    const outcome = await run(context, { command: [join(runners, 'node_modules/jest/bin/jest.js'), '--config', 'samples/jest.config.mjs', '--rootDir', '.', '--json'], pool, options: '--experimental-vm-modules --no-warnings' })
    judge(outcome, ofJson(outcome))
  }, { needs: ['dnsmasq', 'tun', 'runners'] })
}

kernelTest(test, 'runners: node:test, a process a file', async (context) => {
  const outcome = await run(context, { command: ['--test', '--test-reporter', 'tap', 'samples/node/good.test.mjs', 'samples/node/refused.test.mjs', 'samples/node/leaky.test.mjs'] })
  const parts = outcome.stdout.split(/^(?=(?:not )?ok )/m)
  judge(outcome, Object.fromEntries(parts.flatMap((part) => {
    const title = /^(?:not )?ok \d+ - (.*)$/m.exec(part)?.[1]
    return title === undefined ? [] : [[title, { passed: part.startsWith('ok '), message: part }]]
  })))
}, { needs: ['dnsmasq', 'tun'] })

kernelTest(test, 'runners: uvu, all files in one process', async (context) => {
  const outcome = await run(context, { command: [join(checkout, 'node_modules/uvu/bin.js'), 'samples/uvu', '\\.test\\.mjs$'] })
  assert.is(outcome.code, 1)
  assert.match(outcome.stdout, /Total: +3\n +Passed: +2\n/, outcome.stdout + outcome.stderr)
  assert.match(outcome.stdout, /FAIL.*"a forgotten network"\n\s+left behind:\s+link left0 \(bridge\)/)
}, { needs: ['dnsmasq', 'tun'] })

test.run()
