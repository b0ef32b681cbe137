/** dnsmasq's files, whose directories others remove. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dnsmasqFiles } from '../../../src/dnsmasq/place.js'
import { filesWritten, prepareDnsmasq } from '../../../src/dnsmasq/prepare.js'
import { removeEmpty } from '../../../src/engine/files.js'
import { native } from '../../../src/netlink/native.js'
import { checkNetwork } from '../../../src/network/check.js'
import { complete } from '../../../src/network/complete.js'

const definition = complete(checkNetwork({ name: 'red', ip: [{ address: '10.9.0.1', prefix: 24, dhcp: { range: [{ start: '10.9.0.10', end: '10.9.0.20' }] } }] }), { uuid: '00000000-0000-4000-8000-000000000001', mac: '52:54:00:00:00:01', bridge: 'br0' })

test('prepare: where others remove its directories at the same moment, since they are empty, it says that they are missing and nothing else', async () => {
  const tmp = await mkdtemp(join(tmpdir(), 'netwright-prepare-'))
  const user = { user: 'root', group: 'root', uid: 0, gid: process.getgid?.() ?? 0 }
  const [run, leases] = [join(tmp, 'run/a/dnsmasq'), join(tmp, 'lib/a/leases')]
  const said: string[] = []
  let going = true
  const removing = [run, leases].map(async (directory) => { while (going) await removeEmpty(directory, 3) })
  const preparing = ['red', 'green', 'blue'].map(async (name) => {
    const files = dnsmasqFiles(run, leases, name)
    for (let i = 0; i < 60; i++) {
      await prepareDnsmasq(definition, files, user).catch((error: unknown) => { said.push((error as NodeJS.ErrnoException).code ?? String(error)) })
      await native().filesEdit(filesWritten(files, true).map((path) => ({ kind: 'none', path })))
    }
  })
  try { await Promise.all(preparing) } finally {
    going = false
    await Promise.all(removing)
    await rm(tmp, { recursive: true })
  }
  assert.equal(said.filter((code) => code !== 'ENOENT'), [])
})

test.run()
