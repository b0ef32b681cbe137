import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KernelError } from '../../src/errors.js'
import { forwardingState, restoreForwarding, switchForwarding } from '../../src/kernel/forwarding.js'
import { readSysctls, writeSysctls } from '../../src/kernel/sysctl.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'

const V4 = '/proc/sys/net/ipv4'
const V6 = '/proc/sys/net/ipv6'

async function set (ns: Namespace, path: string, value: string): Promise<void> { await ns.must('sysctl', ['-qw', `${path.slice('/proc/sys/'.length)}=${value}`]) }

/** Every forwarding switch and redirect of the namespace, as `sysctl` reads them. */
async function switches (ns: Namespace): Promise<string[]> {
  const all = await ns.must('sysctl', ['-a'])
  return all.split('\n').filter((line) => /^net\.ipv[46]\.(?:conf\..*\.(?:forwarding|accept_redirects)|ip_forward) /.test(line)).sort()
}

async function interfaces (ns: Namespace): Promise<string[]> {
  return (await ns.json<{ ifname: string }[]>('ip', ['-j', 'link', 'show'])).map(({ ifname }) => ifname)
}

kernelTest(test, 'sysctl: values are read in the namespace that is meant, missing files are undefined', async ({ ns }) => {
  const other = await ns.add()
  await set(other, `${V4}/ip_forward`, '1')
  const paths = [`${V4}/ip_forward`, `${V4}/conf/nobody/forwarding`]
  assert.equal(await readSysctls(other.fd, paths), ['1', undefined])
  assert.equal(await readSysctls(ns.fd, paths), ['0', undefined])
  assert.equal(await readSysctls(ns.fd, []), [])
})

kernelTest(test, 'sysctl: files are written in order, those that are missing are skipped and named', async ({ ns }) => {
  const skipped = await writeSysctls(ns.fd, [
    { path: `${V4}/conf/nobody/forwarding`, value: '1' },
    { path: `${V4}/conf/lo/rp_filter`, value: '2' },
    { path: `${V6}/conf/nobody/accept_ra`, value: '0' },
    { path: `${V4}/conf/lo/arp_ignore`, value: '1' },
  ])
  assert.equal(skipped.map(({ path }) => path), [`${V4}/conf/nobody/forwarding`, `${V6}/conf/nobody/accept_ra`])
  assert.is((await ns.must('sysctl', ['-n', 'net/ipv4/conf/lo/rp_filter'])).trim(), '2')
  assert.is((await ns.must('sysctl', ['-n', 'net/ipv4/conf/lo/arp_ignore'])).trim(), '1')
})

kernelTest(test, 'sysctl: a value that the kernel refuses is an error that names the file', async ({ ns }) => {
  const error = await writeSysctls(ns.fd, [{ path: `${V4}/ip_forward`, value: 'perhaps' }]).then(() => undefined, (e: unknown) => e)
  assert.instance(error, KernelError)
  assert.match(String(error), /write \/proc\/sys\/net\/ipv4\/ip_forward: EINVAL/)
})

kernelTest(test, 'sysctl: nothing outside of /proc/sys/net is touched', async ({ ns }) => {
  for (const path of ['/proc/sys/net/../kernel/hostname', '/etc/passwd', '/proc/sys/kernel/hostname']) {
    assert.match(String(await readSysctls(ns.fd, [path]).then(() => undefined, (e: unknown) => e)), /not below/)
    assert.match(String(await writeSysctls(ns.fd, [{ path, value: 'x' }]).then(() => undefined, (e: unknown) => e)), /not below/)
  }
})

kernelTest(test, 'forwarding: all that switching it on overwrites is put back', async ({ ns }) => {
  for (const name of ['a0', 'b0.7']) await ns.must('ip', ['link', 'add', name, 'type', 'bridge'])
  await set(ns, `${V4}/conf/a0/forwarding`, '1')
  await set(ns, `${V6}/conf/b0.7/forwarding`, '1')
  await set(ns, `${V4}/conf/all/accept_redirects`, '1')
  const before = await switches(ns)
  const names = await interfaces(ns)
  const states = await Promise.all([forwardingState(ns.fd, 4, names), forwardingState(ns.fd, 6, names)])
  assert.equal(states.map((state) => state?.on), [false, false])
  await switchForwarding(ns.fd, 4, true)
  await switchForwarding(ns.fd, 6, true)
  const on = await switches(ns)
  assert.ok(on.includes('net.ipv4.ip_forward = 1') && on.includes('net.ipv6.conf.all.forwarding = 1') && on.includes('net.ipv4.conf.default.forwarding = 1'))
  for (const state of states) assert.ok(state !== undefined && await restoreForwarding(ns.fd, state))
  assert.equal(await switches(ns), before)
  for (const name of ['a0', 'b0.7']) await ns.must('ip', ['link', 'del', name])
})

kernelTest(test, 'forwarding: interfaces that went are skipped, those that came get the global value', async ({ ns }) => {
  await ns.must('ip', ['link', 'add', 'gone', 'type', 'bridge'])
  const state = await forwardingState(ns.fd, 4, await interfaces(ns))
  await switchForwarding(ns.fd, 4, true)
  await ns.must('ip', ['link', 'del', 'gone'])
  await ns.must('ip', ['link', 'add', 'came', 'type', 'bridge'])
  assert.equal(await readSysctls(ns.fd, [`${V4}/conf/came/forwarding`]), ['1'])
  assert.ok(state !== undefined && await restoreForwarding(ns.fd, state))
  assert.equal(await readSysctls(ns.fd, [`${V4}/conf/came/forwarding`, `${V4}/ip_forward`]), ['0', '0'])
  await ns.must('ip', ['link', 'del', 'came'])
})

kernelTest(test, 'forwarding: where somebody else has switched it off since, all is left to them', async ({ ns }) => {
  await set(ns, `${V4}/conf/lo/forwarding`, '1')
  const state = await forwardingState(ns.fd, 4, await interfaces(ns))
  await switchForwarding(ns.fd, 4, true)
  await set(ns, `${V4}/ip_forward`, '0')
  assert.ok(state !== undefined)
  assert.is(state !== undefined && await restoreForwarding(ns.fd, state), false)
  assert.equal(await readSysctls(ns.fd, [`${V4}/conf/lo/forwarding`]), ['0'])
})

test.run()
