/** Listing networks without a host: the same answer, no socket, and nothing left by a dead process goes unseen. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openHost } from '../../src/engine/host.js'
import { listNetworks } from '../../src/thread/open.js'
import { exec } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'
import { eventually } from './bed.js'

kernelTest(test, 'listNetworks: says what an open host says, of stopped, running, transient and degraded networks', async ({ ns, tmp }) => {
  const place = { netns: ns.name, root: tmp, supervise: false }
  const host = await openHost(place)
  try {
    const stored = await host.define({ name: 'stored', forward: 'nat', subnet: '10.9.1.0/24' })
    await stored.setAutostart(true)
    const served = await host.define({ name: 'served', forward: 'nat', subnet: '10.9.2.0/24', dhcp: true })
    await served.start()
    const bare = await host.create({ name: 'bare' })
    assert.equal(await listNetworks(place), await host.networks())
    assert.equal((await listNetworks(place)).map(({ name, state, persistent, autostart }) => [name, state, persistent, autostart]), [
      ['bare', 'active', false, false], ['served', 'active', true, false], ['stored', 'inactive', true, true],
    ])
    const { stdout } = await exec('pgrep', ['-f', `${tmp}/run/netwright/.*/dnsmasq/served`])
    process.kill(Number(stdout.trim()), 'SIGKILL')
    await eventually('the news that its dnsmasq is dead', async () => (await listNetworks(place))[1]?.state === 'degraded' ? true : undefined)
    assert.equal(await listNetworks(place), await host.networks())
    await bare.destroy()
    await served.destroy()
    await served.undefine()
    await stored.undefine()
  } finally { await host.close() }
  assert.equal(await listNetworks(place), [])
}, { needs: ['dnsmasq'] })

kernelTest(test, 'listNetworks: opens no netlink socket and starts no thread for one, while all is in order', async ({ ns, tmp }) => {
  const host = await openHost({ netns: ns.name, root: tmp, supervise: false })
  try {
    const network = await host.create({ name: 'bare' })
    const program = `import { listNetworks } from ${JSON.stringify(new URL('../../src/thread/open.js', import.meta.url).href)}
      console.log((await listNetworks({ netns: ${JSON.stringify(ns.name)}, root: ${JSON.stringify(tmp)} })).length)`
    const trace = join(tmp, 'trace')
    const { stdout, code } = await exec('strace', ['-f', '-qq', '-e', 'trace=socket,flock,mkdir,rmdir,unlink', '-o', trace, process.execPath, '--input-type=module', '-e', program], { env: { NODE_V8_COVERAGE: '' } })
    assert.equal([stdout, code], ['1\n', 0])
    const calls = (await exec('grep', ['-cE', 'AF_NETLINK|flock|mkdir|rmdir|unlink', trace])).stdout
    assert.is(calls, '0\n')
    await exec('rm', [trace])
    await network.destroy()
  } finally { await host.close() }
}, { needs: ['strace'] })

kernelTest(test, 'listNetworks: what a killed process left is tidied up first', async ({ ns, tmp }) => {
  const place = { netns: ns.name, root: tmp, supervise: false }
  await mkdir(join(tmp, 'etc/netwright/networks'), { recursive: true })
  const torn = join(tmp, 'etc/netwright/networks/red.xml.0123456789ab.new')
  await writeFile(torn, '<network>')
  assert.equal(await listNetworks(place), [])
  assert.is((await exec('test', ['-e', torn])).code, 1)
})

test.run()
