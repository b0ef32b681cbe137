import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kernelTest, veth } from '../harness/kernel-test.js'

kernelTest(test, 'harness: the namespace is fresh, has loopback up and can be entered', async ({ ns, tmp }) => {
  const links = await ns.json<{ ifname: string, flags: string[] }[]>('ip', ['-j', 'link', 'show', 'up'])
  assert.equal(links.map((link) => link.ifname), ['lo'])
  assert.match(tmp, /^\/run\//)
  assert.is((await ns.exec('false', [])).code, 1)
})

kernelTest(test, 'harness: two namespaces joined by a veth reach each other', async ({ ns }) => {
  const guest = await ns.add()
  await veth(ns, 'v0', guest, 'eth0')
  await ns.must('ip', ['addr', 'add', '192.0.2.1/24', 'dev', 'v0'])
  await guest.must('ip', ['addr', 'add', '192.0.2.2/24', 'dev', 'eth0'])
  assert.is((await guest.exec('ping', ['-c', '1', '-W', '5', '192.0.2.1'])).code, 0)
})

test.run()
