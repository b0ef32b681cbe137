/** What faults and kills leave of a rig: nothing, after the next host. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exec, must } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'
import { eventually } from './bed.js'
import { env, files, links, living, namespaces, open, order, plain, served, worker } from './rig-bed.js'

for (const step of ['make namespaces', 'write down the namespaces', 'name the namespaces', 'open the namespaces', 'make links', 'commit nft']) {
  kernelTest(test, `rig: fails before "${step}" and leaves nothing, then succeeds`, async (context) => {
    const fault = { at: step }
    await using host = await open(context, { hook: (name) => { if (name === fault.at) { fault.at = ''; throw new Error('fault') } } })
    const input = { a: [plain('red', 1)], b: [plain('red', 1)] }
    assert.match(String(await host.rig(input).then(() => 'done', (error: unknown) => error)), 'fault')
    assert.equal(await namespaces(context), [])
    const rig = await host.rig(input)
    assert.equal(await namespaces(context), ['a', 'b'])
    await rig.drop()
  })

  kernelTest(test, `rig: its process is killed before "${step}", and the next host leaves nothing`, async (context) => {
    const { code, stderr } = await exec(process.execPath, [worker, order(context, { rig: { a: [served('red', 1)], b: [plain('red', 1)] }, step })], { env, timeoutMs: 60_000 })
    assert.is(code, -1, stderr)
    const next = await open(context)
    assert.equal(await namespaces(context), [])
    await next.close()
    assert.equal(await files(context), [])
  }, { needs: ['dnsmasq'] })
}

for (const step of ['remove dnsmasq', 'remove links', 'close the record', 'delete buried links', 'close the grave']) {
  kernelTest(test, `rig: its process is killed while it is dropped, before "${step}", and the next host leaves nothing`, async (context) => {
    const { code, stderr } = await exec(process.execPath, [worker, order(context, { rig: { a: [served('red', 1)], b: [plain('red', 1)] }, step, drop: true })], { env, timeoutMs: 60_000 })
    assert.is(code, -1, stderr)
    const next = await open(context)
    assert.equal(await namespaces(context), [])
    await next.close()
    assert.equal(await files(context), [])
  }, { needs: ['dnsmasq'] })
}

kernelTest(test, 'rig: killed while it stands, its names are free when the next host is open, and a stranger\'s namespace of one of them stays', async (context) => {
  await living(context, { rig: { a: [served('red', 1)], b: [plain('red', 1)], c: [] } }, async (life) => {
    assert.equal(await namespaces(context), ['a', 'b', 'c'])
    await (await open(context)).close()
    assert.equal(await namespaces(context), ['a', 'b', 'c'], 'as long as its process lives, it is nobody else\'s')
    await life.stop('SIGKILL')
  })
  await must('ip', ['netns', 'del', 'c'])
  await must('ip', ['netns', 'add', 'c'])
  await must('ip', ['-n', 'c', 'link', 'add', 'br-red', 'type', 'bridge'])
  const next = await open(context)
  assert.equal(await namespaces(context), ['c'])
  await next.close()
  assert.equal(await links('c'), ['br-red', 'lo'])
  assert.equal(await files(context), [])
  assert.is((await exec('pgrep', ['-x', 'dnsmasq'])).code, 1)
  await must('ip', ['netns', 'del', 'c'])
}, { needs: ['dnsmasq'] })

kernelTest(test, 'rig: with lifetime process nobody has to come: it is gone soon after its process', async (context) => {
  await living(context, { rig: { a: [served('red', 1)], b: [plain('red', 1)] }, lifetime: 'process' }, async (life) => {
    assert.equal(await namespaces(context), ['a', 'b'])
    await life.stop('SIGKILL')
  })
  await eventually('the end of its namespaces', async () => (await namespaces(context)).length === 0 ? true : undefined)
  await eventually('the end of its files', async () => (await files(context)).length === 0 ? true : undefined)
}, { needs: ['dnsmasq'] })

test.run()
