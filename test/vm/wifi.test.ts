/** A real Wi-Fi link (mac80211_hwsim) as the uplink of a host bridge. Not in the harness's sandbox: the kernel makes such links in the machine's first namespace, and this machine is a virtual one, which scripts/test-vm says. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mkdtemp } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { exec, must } from '../harness/command.js'

if (process.env.NETWRIGHT_VM !== '1') throw new Error('this test loads a module into the kernel: run scripts/test-vm wifi')

const program = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

test('host bridge: a Wi-Fi link is refused with the reason, and nothing is changed', async () => {
  await must('modprobe', ['mac80211_hwsim', 'radios=1'])
  const before = await must('ip', ['-j', 'link'])
  const root = await mkdtemp('/run/wifi-')
  const { code, stderr } = await exec(process.execPath, [program, '--root', root, 'host-bridge', 'create', 'br0', '--uplink', 'wlan0'], { timeoutMs: 300_000 }) // without hardware help Node takes its time
  assert.is(code, 1)
  assert.match(stderr, /^error: Failed to create host bridge br0\nerror: wlan0 cannot be the port of a bridge: it is a Wi-Fi link, /)
  assert.match(stderr, /^remedy: use a network with forward mode nat/m)
  assert.is(await must('ip', ['-j', 'link']), before)
})

test.run()
