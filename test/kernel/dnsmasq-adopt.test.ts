import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { adoptDnsmasq, findRunning } from '../../src/dnsmasq/adopt.js'
import { startTimeOf } from '../../src/dnsmasq/running.js'
import { exec } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'
import { definition, withDnsmasq } from './dnsmasq-bed.js'

kernelTest(test, 'dnsmasq: another process of ours adopts it, and only it', async (context) => {
  await withDnsmasq(context, definition(), async ({ running, files, prepared, options }) => {
    const watched = { logPath: files.log, ready: prepared.ready }
    const [record, ...more] = await findRunning(files.config, context.ns.fd)
    assert.equal(more, [])
    assert.equal(record, { pid: running.pid, startTime: running.startTime, configPath: files.config, hash: options.hash })
    if (record === undefined) return
    for (const wrong of [{ ...record, startTime: '1' }, { ...record, configPath: `${files.config}x` }, { ...record, pid: process.pid }]) assert.is(await adoptDnsmasq(wrong, context.ns.fd, watched), undefined)
    assert.is(await adoptDnsmasq(record, -1, watched), undefined, 'not in another namespace')
    const adopted = await adoptDnsmasq(record, context.ns.fd, watched)
    await adopted?.reload()
    await adopted?.stop()
    await running.exited
    assert.is(await adoptDnsmasq(record, context.ns.fd, watched), undefined)
  })
}, { needs: ['dnsmasq'] })

/** Runs in a process of its own, as the next command of a user does. */
const nextCommand = `
const [dist, config, netns, log, ready] = process.argv.slice(1)
const { adoptDnsmasq, findRunning } = await import(dist + 'adopt.js')
const { open } = await import('node:fs/promises')
const handle = await open(netns)
const [record] = await findRunning(config, handle.fd)
const running = await adoptDnsmasq(record, handle.fd, { logPath: log, ready })
await running.reload()
console.log('reloaded', running.pid)
await running.stop()
console.log('stopped', JSON.stringify({ ...await running.exited, lastLines: [] }), running.alive())
await handle.close()`

kernelTest(test, 'dnsmasq: the next command reloads and stops what this one started', async (context) => {
  await withDnsmasq(context, definition(), async ({ running, files, prepared }) => {
    const dist = new URL('../../src/dnsmasq/', import.meta.url).href
    const { stdout, stderr } = await exec(process.execPath, ['--input-type=module', '-e', nextCommand, dist, files.config, context.ns.path, files.log, prepared.ready])
    assert.is(stdout, `reloaded ${String(running.pid)}\nstopped {"lastLines":[]} false\n`, stderr)
    assert.is((await running.exited).code, 0)
  })
}, { needs: ['dnsmasq'] })

/** As scripts do without root: the whole life in a user namespace that maps one user and refuses setgroups. */
const unprivileged = `
const [dist, tmp] = process.argv.slice(1)
const { dnsmasqFiles } = await import(dist + 'place.js')
const { prepareDnsmasq } = await import(dist + 'prepare.js')
const { startDnsmasq } = await import(dist + 'process.js')
const { dnsmasqUser } = await import(dist + 'user.js')
const user = await dnsmasqUser()
const files = dnsmasqFiles(tmp + '/u', tmp + '/u', 'red')
const definition = { name: 'red', forward: { mode: 'none' }, bridge: { name: 'br0' }, ip: [{ address: '10.9.0.1', prefix: 24, dhcp: { range: [{ start: '10.9.0.2', end: '10.9.0.9' }] } }] }
const { ready, hash } = await prepareDnsmasq(definition, files, user)
const running = await startDnsmasq({ configPath: files.config, logPath: files.log, netns: -1, ready, hash })
await running.stop()
console.log(user.user, (await running.exited).code)`

kernelTest(test, 'dnsmasq: runs as root of a user namespace that refuses to change groups', async ({ tmp }) => {
  const dist = new URL('../../src/dnsmasq/', import.meta.url).href
  await chmod(tmp, 0o777)
  const shell = `ip link add br0 type bridge && ip addr add 10.9.0.1/24 dev br0 && ip link set br0 up && exec "$@"`
  const { stdout, stderr } = await exec('unshare', ['-Urnm', 'sh', '-c', shell, 'sh', process.execPath, '--input-type=module', '-e', unprivileged, dist, tmp], { env: { NODE_V8_COVERAGE: '' } })
  assert.is(stdout, 'root 0\n', stderr)
}, { needs: ['dnsmasq', 'userns'] })

kernelTest(test, 'dnsmasq: a look-alike with our command line is not adopted', async ({ ns, tmp }) => {
  const config = join(tmp, 'red.conf')
  await ns.must('cc', ['-x', 'c', '-o', join(tmp, 'sleeper'), '-'], { input: '#include <stdio.h>\n#include <unistd.h>\nint main(void) { puts("up"); fflush(stdout); for (;;) pause(); }' })
  const fake = ns.spawn('env', ['NETWRIGHT_DNSMASQ=00', 'bash', '-c', `exec -a dnsmasq ${join(tmp, 'sleeper')} --conf-file=${config} --keep-in-foreground`])
  await fake.until(/up/)
  const startTime = await startTimeOf(fake.pid) ?? ''
  assert.is((await ns.must('tr', ['\\0', ' '], { input: await readFile(`/proc/${String(fake.pid)}/cmdline`, 'utf8') })).trim(), `dnsmasq --conf-file=${config} --keep-in-foreground`)
  assert.is(await adoptDnsmasq({ pid: fake.pid, startTime, configPath: config, hash: '00' }, ns.fd, { logPath: join(tmp, 'log'), ready: '' }), undefined)
  assert.equal(await findRunning(config, ns.fd), [])
}, { needs: ['dnsmasq'] })

test.run()
