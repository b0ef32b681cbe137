/** Without the permission for it nothing is changed, and the error lists exactly what is missing. Fault F1. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import type { Outcome } from '../harness/command.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { difference } from '../harness/snapshot.js'
import { same } from './bed.js'
import { alone, plain, red } from './operations.js'
import { state } from './state.js'

const program = started(new URL('../../src/cli/main.js', import.meta.url))

/** Every capability that a network with dnsmasq needs, sorted as errors list them. */
const all = ['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE', 'CAP_NET_RAW', 'CAP_SETGID', 'CAP_SETUID'] as const
const lower = (name: string): string => name.replace('CAP_', '').toLowerCase()

/** The command line inside the namespace (its own: entering another one is a permission, too), with these capabilities taken away. */
async function without ({ ns, tmp }: KernelTest, gone: readonly string[] | 'all', words: readonly string[], who: readonly string[] = []): Promise<Outcome> {
  const list = gone === 'all' ? '-all' : gone.map((name) => `-${lower(name)}`).join(',')
  return await ns.exec('setpriv', [...who, '--inh-caps', list, '--bounding-set', list, process.execPath, program, '--root', join(tmp, 'root'), ...words], { env: { NODE_V8_COVERAGE: '' } })
}

async function stored (context: KernelTest): Promise<void> {
  for (const [name, text] of [['red', red], ['plain', plain]] as const) {
    await writeFile(join(context.tmp, `${name}.xml`), text)
    await context.ns.must(process.execPath, [program, '--root', join(context.tmp, 'root'), 'net-define', join(context.tmp, `${name}.xml`)])
  }
}

kernelTest(test, 'permission: each missing capability is named before anything changes', async (context) => {
  await stored(context)
  const place = { netns: context.ns.name, guest: (await context.ns.add()).name, root: join(context.tmp, 'root') }
  const before = await state(place)
  const subsets = [...all.map((one) => [one]), ['CAP_NET_RAW', 'CAP_SETUID'], [...all]]
  for (const gone of subsets) {
    const { code, stdout, stderr } = await without(context, gone, ['--json', 'net-start', 'red'])
    assert.is(code, 1, stdout)
    const { error } = JSON.parse(stderr) as { error: { code: string, missing: readonly string[] } }
    assert.is(error.code, 'NETWRIGHT_NO_PERMISSION')
    assert.equal(error.missing, gone)
    same(`what stands after a start without ${gone.join(', ')}`, difference(before, await state(place)))
  }
})

kernelTest(test, 'permission: without any, networks can be listed, shown, rendered and checked', async (context) => {
  await stored(context)
  const file = join(context.tmp, 'red.xml')
  for (const words of [['net-list', '--all'], ['net-dumpxml', 'red'], ['net-info', 'red'], ['render', file, '--as', 'nft'], ['check', file]]) {
    const { code, stdout, stderr } = await without(context, 'all', words)
    assert.is(stderr, '', words.join(' '))
    assert.ok(words[0] === 'check' ? code === 1 : code === 0, `${words.join(' ')}: exit code ${String(code)}`)
    assert.match(stdout, /red/, words.join(' '))
  }
  await writeFile(join(context.tmp, 'alone.xml'), alone)
  for (const words of [['net-start', 'plain'], ['net-create', join(context.tmp, 'alone.xml')], ['bridge', 'add', 'br9'], ['tap', 'add', 'tap9']]) {
    const { code, stderr } = await without(context, 'all', words)
    assert.is(code, 1, words.join(' '))
    assert.match(stderr, 'this process lacks CAP_NET_ADMIN', words.join(' '))
  }
})

kernelTest(test, 'permission: a running network is seen as it runs, and its files are not another user\'s to read', async (context) => {
  const { ns, tmp } = context
  await stored(context)
  const words = [program, '--root', join(tmp, 'root')]
  await ns.must(process.execPath, [...words, 'net-start', 'plain'])
  const { code, stdout, stderr } = await without(context, 'all', ['net-list'])
  assert.is(code, 0, stderr)
  assert.match(stdout, /plain +active/)
  const stop = await without(context, 'all', ['net-destroy', 'plain'])
  assert.match(stop.stderr, 'this process lacks CAP_NET_ADMIN')
  const other = await without(context, 'all', ['--json', 'net-list', '--all'], ['--reuid', '65534', '--regid', '65534', '--clear-groups'])
  assert.is(other.code, 1)
  assert.is((JSON.parse(other.stderr) as { error: { code: string } }).error.code, 'NETWRIGHT_NO_PERMISSION')
  await ns.must(process.execPath, [...words, 'net-destroy', 'plain'])
})

test.run()
