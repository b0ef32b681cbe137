import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ProcessError } from '../../../src/errors.js'
import { dnsmasqUser, findDnsmasq } from '../../../src/dnsmasq/user.js'

async function inDirectory (body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'netwright-'))
  try { await body(directory) } finally { await rm(directory, { recursive: true }) }
}

test('user: our own before Debian\'s before nobody, with the primary group', async () => {
  await inDirectory(async (etc) => {
    await writeFile(join(etc, 'group'), 'root:x:0:\nnogroup:x:65534:\nours:x:777:\n')
    const lines = ['nobody:x:65534:65534::/:/bin/false', 'dnsmasq:x:999:65534::/:/bin/false', 'netwright-dnsmasq:x:777:777::/:/bin/false']
    const expected = [['nobody', 'nogroup', 65534, 65534], ['dnsmasq', 'nogroup', 999, 65534], ['netwright-dnsmasq', 'ours', 777, 777]]
    for (const [index, user] of expected.entries()) {
      await writeFile(join(etc, 'passwd'), `root:x:0:0::/:/bin/sh\n${lines.slice(0, index + 1).join('\n')}\n`)
      assert.equal(Object.values(await dnsmasqUser(etc)), user)
    }
  })
})

test('user: without any of them root, and the groups stay', async () => {
  await inDirectory(async (etc) => { assert.equal(await dnsmasqUser(etc), { user: 'root', group: '', uid: 0, gid: 0 }) })
})

test('binary: is found on the path, which may have relative and missing parts', async () => {
  await inDirectory(async (directory) => {
    const file = join(directory, 'dnsmasq')
    await writeFile(file, '')
    const other: unknown = await findDnsmasq(directory).catch((error: unknown) => error)
    assert.ok(other instanceof ProcessError ? other.code === 'NETWRIGHT_DNSMASQ_MISSING' && other.remedy === 'apt-get install dnsmasq-base' : other !== file, 'one that cannot be executed is passed over')
    await chmod(file, 0o755)
    assert.is(await findDnsmasq(`:.:/not-there:${directory}`), file)
  })
})

test.run()
