import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { digest } from '../../../scripts/digest.js'
import { judgeTests, type Verdict } from '../../../scripts/run-tests.js'
import { exec } from '../../harness/command.js'

const root = fileURLToPath(new URL('../../../..', import.meta.url))

/** Runs a program with uvu's `test` at hand and judges its end. */
async function judge (program: string): Promise<Omit<Verdict, 'output'>> {
  const { stdout, stderr, code } = await exec(process.execPath, ['--input-type=module', '-e', `import { test } from 'uvu'\n${program}`], { cwd: root })
  const { output: _, ...verdict } = judgeTests({ output: stdout + stderr, code, late: false })
  return verdict
}

test('runner: what passes counts', async () => {
  assert.equal(await judge("test('a', () => {}); test('b', () => {}); test.run()"), { passed: 2, failed: 0, skipped: 0 })
})

test('runner: a failing test counts once, beside those that pass', async () => {
  assert.equal(await judge("test('a', () => { throw new Error('no') }); test('b', () => {}); test.run()"), { passed: 1, failed: 1, skipped: 0, why: '1 of 2 failed' })
})

test('runner: a file that forgets to run its tests fails', async () => {
  assert.equal(await judge("test('a', () => {})"), { passed: 0, failed: 1, skipped: 0, why: 'no result (exit code 0); is test.run() missing?' })
})

test('runner: a file without tests fails', async () => {
  assert.is((await judge('test.run()')).why, 'no tests in it')
})

test('runner: a hook that throws fails, although uvu exits with 0', async () => {
  assert.is((await judge("test.before(() => { throw new Error('no') }); test('a', () => {}); test.run()")).failed, 1)
  assert.is((await judge("test.after.each(() => { throw new Error('no') }); test('a', () => { throw new Error('no') }); test.run()")).failed, 1)
})

test('runner: a test that never ends fails', async () => {
  assert.is((await judge("test('a', () => new Promise(() => {})); test.run()")).failed, 1)
})

test('runner: what throws after its tests fails', async () => {
  assert.is((await judge("test('a', () => {}); test.run(); process.on('exit', () => { process.exitCode = 3 })")).why, 'exit code 3 although every test passed')
})

test('runner: a skip without a listed reason fails, and so does `only`', async () => {
  assert.is((await judge("test.skip('a', () => {}); test.run()")).why, '1 skipped, 0 with a reason')
  assert.is((await judge("console.log('#skip wings a'); test.skip('a'); test.run()")).why, "a test needs 'wings', which test/skips.json does not list")
  assert.is((await judge("test.only('a', () => {}); test('b', () => {}); test.run()")).failed, 1)
})

/** What the end of a run says of a program with uvu's `test` and `assert` at hand. */
async function digestOf (program: string): Promise<string[]> {
  const { stdout, stderr } = await exec(process.execPath, ['--input-type=module', '-e', `import { test } from 'uvu'\nimport * as assert from 'uvu/assert'\n${program}\ntest.run()`], { cwd: root, env: { FORCE_COLOR: '0' } })
  return digest([{ name: 'kernel/file', why: 'failed', output: stdout + stderr }])
}

test('digest: names each failed test with its message, expected and actual, and leaves the stack out', async () => {
  const lines = await digestOf("test('adds', () => assert.is(1 + 1, 3)); test('stands', () => {}); test('goes', () => { throw new Error('still there') })")
  assert.equal(lines, [
    'FAIL kernel/file: failed', '   FAIL  "adds"', '    Expected values to be strictly equal:  (is)', '        ++3    (Expected)', '        --2    (Actual)',
    '   FAIL  "goes"', '    still there',
  ])
})

test('digest: of a long difference the beginning stays, of what crashed the end, and of many failures sixty lines', async () => {
  const long = await digestOf("test('a', () => { assert.equal(Array.from({ length: 30 }, (_, i) => i), []) })")
  assert.equal([long.length, long[2], long.at(-1)?.endsWith('more lines')], [13, '    Expected values to be deeply equal:  (equal)', true])
  assert.equal(digest([{ name: 'check/lint', why: 'exit code 1', output: Array.from({ length: 30 }, (_, i) => `line ${String(i)}`).join('\n') }]).slice(-2), ['line 28', 'line 29'])
  const many = digest(Array.from({ length: 40 }, (_, i) => ({ name: `kernel/${String(i)}`, why: 'failed', output: `${'x'.repeat(300)}\n` })))
  assert.equal([many.length, many.at(-1), many[1]?.length], [60, '… 21 more lines', 241])
})

test.run()
