import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { copyPath, listLeases, readLeases, restored, watchLeases } from '../../../src/dnsmasq/lease-file.js'
import { native } from '../../../src/netlink/native.js'
import { currentLeases, leaseChanges, macOfDuid, mergeLeases, parseLeases } from '../../../src/dnsmasq/leases.js'

/** As dnsmasq 2.90 writes it (src/lease.c, lease_update_file); made by hand, with every form of a line. */
const FILE = `9000000000 52:54:00:00:00:ab 10.9.0.106 guest-a 01:52:54:00:00:00:ab
0 52:54:00:00:00:aa 10.9.0.7 * *
duid 00:01:00:01:2f:91:5e:4e:52:54:00:00:00:01
9000000000 5523472 fd00:9::1aa vm1 00:01:00:01:18:aa:62:fe:00:16:3e:44:55:66
9000000000 T77 fd00:9::1ab * 00:03:00:01:00:16:3e:44:55:67
`
/** As before a start. */
async function restore (path: string): Promise<{ readonly stored: number, readonly bad: number }> {
  const [text = '', copy = ''] = await Promise.all([path, copyPath(path)].map(async (file) => await readFile(file, 'latin1').catch(() => '')))
  const { stored, bad, changes } = restored(path, { text, copy })
  await native().filesEdit(changes)
  return { stored, bad }
}

const ips = (text: string): string[] => parseLeases(text).lines.map(({ ip }) => ip)

async function inDirectory (body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'netwright-'))
  try { await body(directory) } finally { await rm(directory, { recursive: true }) }
}

test('leases: reads both families, names, client ids and what never expires', () => {
  const { lines, duid, badCount, whole } = parseLeases(FILE)
  assert.equal([badCount, whole, duid], [0, true, 'duid 00:01:00:01:2f:91:5e:4e:52:54:00:00:00:01'])
  assert.equal(lines.map(({ lease }) => lease), [
    { mac: '52:54:00:00:00:ab', ip: '10.9.0.106', family: 'ipv4', hostname: 'guest-a', clientId: '01:52:54:00:00:00:ab', expires: new Date(9_000_000_000_000) },
    { mac: '52:54:00:00:00:aa', ip: '10.9.0.7', family: 'ipv4' },
    { mac: '00:16:3e:44:55:66', ip: 'fd00:9::1aa', family: 'ipv6', hostname: 'vm1', clientId: '00:01:00:01:18:aa:62:fe:00:16:3e:44:55:66', expires: new Date(9_000_000_000_000) },
    { mac: '00:16:3e:44:55:67', ip: 'fd00:9::1ab', family: 'ipv6', clientId: '00:03:00:01:00:16:3e:44:55:67', expires: new Date(9_000_000_000_000) },
  ])
})

test('leases: reads what dnsmasq 2.90 wrote for `dhclient -6 -D LL` on 52:54:00:00:00:ad', () => {
  const captured = 'duid 00:01:00:01:32:93:3b:17:5a:37:68:6c:b5:ba\n1795202021 173 fd00:9::1e0 * 00:03:00:01:52:54:00:00:00:ad\n'
  const { lines, badCount } = parseLeases(captured)
  assert.is(badCount, 0)
  assert.equal(lines.map(({ lease }) => [lease.mac, lease.ip]), [['52:54:00:00:00:ad', 'fd00:9::1e0']])
})

test('leases: a DUID without a MAC gives none', () => {
  assert.is(macOfDuid('00:04:b1:d8:00'), '')
  assert.is(macOfDuid('*'), '')
})

test('leases: counts what is no lease and goes on', () => {
  const bad = ['garbage', 'x'.repeat(100_000), '1 52:54:00:00:00:ab 10.9.0.256 * *', '-1 52:54:00:00:00:ab 10.9.0.5 * *', '1 zz 10.9.0.5 * *', '1 52:54:00:00:00:ab 10.9.0.5 a b c', '1 52:54:00:00:00:ab 10.9.0.5 \u0007 *', 'duid', 'duid 1', '1 52:54:00:00:00:ab 10.9.0.5']
  const found = parseLeases(`${bad.join('\n')}\n${FILE}${'junk\n'.repeat(1_000)}`)
  assert.is(found.badCount, bad.length + 1_000)
  assert.is(found.bad.length, 100)
  assert.ok(found.bad.every((line) => line.length <= 200))
  assert.is(found.lines.length, 4)
})

test('leases: changes are removals first, and another holder is one removed and one added', () => {
  const [a, b] = currentLeases(parseLeases(FILE), 0)
  if (a === undefined || b === undefined) throw new Error('two leases')
  assert.equal(leaseChanges([a, b], [a, b]), [])
  assert.equal(leaseChanges([a, b], [{ ...a, mac: '52:54:00:00:00:ff' }]).map(({ change, ip }) => [change, ip]), [['removed', a.ip], ['removed', b.ip], ['added', a.ip]])
  assert.equal(leaseChanges([b], [{ ...b, expires: new Date(1) }]).map(({ change }) => change), ['renewed'])
})

test('leases: a file and its copy make one that has every lease still running, IPv4 before the DUID', () => {
  const torn = parseLeases('9000000000 52:54:00:00:00:ac 10.9.0.106 * *\n9000000000 52:54:0')
  const text = mergeLeases(torn, parseLeases(`5 52:54:00:00:00:01 10.9.0.1 * *\n${FILE}`), 10_000, (ip) => ip !== 'fd00:9::1ab')
  assert.is(text, '9000000000 52:54:00:00:00:ac 10.9.0.106 * *\n0 52:54:00:00:00:aa 10.9.0.7 * *\nduid 00:01:00:01:2f:91:5e:4e:52:54:00:00:00:01\n9000000000 5523472 fd00:9::1aa vm1 00:01:00:01:18:aa:62:fe:00:16:3e:44:55:66\n')
})

test('lease file: none is an empty one, before and after restoring', async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, 'leases')
    assert.equal(await listLeases(path), [])
    assert.equal(await restore(path), { stored: 0, bad: 0 })
    assert.is(await readFile(path, 'utf8'), '')
  })
})

test('lease file: restoring puts bad lines aside and leaves no other file', async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, 'leases')
    await writeFile(path, `junk\n${FILE}`)
    assert.equal(await restore(path), { stored: 4, bad: 1 })
    assert.is(await readFile(path, 'utf8'), FILE)
    assert.is(await readFile(`${path}.bad`, 'utf8'), 'junk\n')
    assert.equal((await readdir(directory)).sort(), ['leases', 'leases.bad'])
  })
})

test('lease file: an emptied one is not believed while dnsmasq does not run, and comes back from the copy', async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, 'leases')
    await writeFile(path, FILE)
    const end = new AbortController()
    let alive = true
    let asked: () => void = () => undefined
    const looked = new Promise<void>((resolve) => { asked = resolve })
    const changes = watchLeases(path, () => { asked(); return alive }, end.signal)
    const present = [await changes.next(), await changes.next(), await changes.next(), await changes.next()]
    assert.equal(present.map(({ value }) => value?.change), ['present', 'present', 'present', 'present'])
    const next = changes.next()
    alive = false
    await writeFile(path, '')
    await looked
    alive = true
    await writeFile(path, FILE.replace(/^0 .*\n/m, '').replace('guest-a', 'guest-b'))
    const seen = (await next).value
    assert.is(`${String(seen?.change)} ${String(seen?.ip)}`, 'removed 10.9.0.7')
    assert.is((await changes.next()).value?.hostname, 'guest-b')
    end.abort()
    assert.is((await changes.next()).done, true)
    assert.equal(ips(await readFile(copyPath(path), 'utf8')), ['10.9.0.106', 'fd00:9::1aa', 'fd00:9::1ab'])
    await writeFile(path, '')
    assert.equal(await restore(path), { stored: 3, bad: 0 })
  })
})

test('lease file: a part of a rewrite is read again until it stands', async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, 'leases')
    await writeFile(path, FILE.slice(0, 20))
    const reading = readLeases(path, parseLeases(FILE))
    await writeFile(path, FILE)
    assert.is((await reading).lines.length, 4)
  })
})

test.run()
