/** Small files inside a namespace, compared with what a program inside reads. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isErrno } from '../../src/netlink/errno.js'
import { native, type FileChange } from '../../src/netlink/native.js'
import { exec } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'

const rejection = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => { throw new Error('not refused') }, (error: unknown) => error)

kernelTest(test, 'file: /proc/sys/net and /proc/net show the namespace given', async ({ ns }) => {
  await ns.must('ip', ['link', 'add', 'here0', 'type', 'bridge'])
  await ns.must('sysctl', ['-qw', 'net.ipv4.conf.here0.rp_filter=2'])
  const [filter, dev, routes, missing] = await native().filesRead(ns.fd, ['/proc/sys/net/ipv4/conf/here0/rp_filter', '/proc/net/dev', '/proc/net/route', '/proc/sys/net/ipv4/conf/gone0/rp_filter'], 65536)
  assert.is(filter?.toString(), '2\n')
  assert.is(dev?.toString(), await ns.must('cat', ['/proc/net/dev']))
  assert.is(routes?.toString(), await ns.must('cat', ['/proc/net/route']))
  assert.is(missing, null)
  const [own] = await native().filesRead(-1, ['/proc/sys/net/ipv4/conf/here0/rp_filter'], 100)
  assert.is(own, null)
  await ns.must('ip', ['link', 'del', 'here0'])
})

kernelTest(test, 'file: values are written in the namespace given, in order, and only there', async ({ ns }) => {
  const own = await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8')
  await native().filesWrite(ns.fd, [{ path: '/proc/sys/net/ipv4/ip_forward', data: '1' }, { path: '/proc/sys/net/ipv4/conf/lo/forwarding', data: '0' }])
  assert.is(await ns.must('sysctl', ['-n', 'net.ipv4.ip_forward']), '1\n')
  assert.is(await ns.must('sysctl', ['-n', 'net.ipv4.conf.lo.forwarding']), '0\n')
  assert.is(await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8'), own)
  await native().filesWrite(ns.fd, [{ path: '/proc/sys/net/ipv4/ip_forward', data: '0' }])
})

kernelTest(test, 'file: stops at the first that fails and says which', async ({ ns }) => {
  const error = await rejection(native().filesWrite(ns.fd, [
    { path: '/proc/sys/net/ipv4/ip_default_ttl', data: '65' }, { path: '/proc/sys/net/ipv4/ip_default_ttl', data: 'x' }, { path: '/proc/sys/net/ipv4/ip_default_ttl', data: '66' },
  ]))
  assert.ok(isErrno(error, 'EINVAL'))
  assert.equal({ ...error as object }, { code: 'EINVAL', errno: 22, syscall: 'write', path: '/proc/sys/net/ipv4/ip_default_ttl', index: 1 })
  assert.is(await ns.must('sysctl', ['-n', 'net.ipv4.ip_default_ttl']), '65\n')
})

kernelTest(test, 'file: is never created by a write, and a directory cannot be read', async ({ ns, tmp }) => {
  assert.ok(isErrno(await rejection(native().filesWrite(ns.fd, [{ path: `${tmp}/none`, data: 'x' }])), 'ENOENT'))
  assert.equal(await native().filesRead(ns.fd, [`${tmp}/none`], 10), [null])
  assert.ok(isErrno(await rejection(native().filesRead(ns.fd, ['/dev/null', tmp], 10)), 'EISDIR'))
})

kernelTest(test, 'file: an ordinary one is read up to the limit and written whole', async ({ tmp }) => {
  const text = 'ä'.repeat(50_000)
  await writeFile(`${tmp}/a`, 'longer than nothing')
  await native().filesWrite(-1, [{ path: `${tmp}/a`, data: text }])
  assert.is(await readFile(`${tmp}/a`, 'utf8'), text)
  const [whole, part, none] = await native().filesRead(-1, [`${tmp}/a`, `${tmp}/a`, '/dev/null'], 1_000_000)
  assert.is(whole?.toString(), text)
  assert.is(part?.length, 100_000)
  assert.is(none?.length, 0)
  assert.equal((await native().filesRead(-1, [`${tmp}/a`], 7))[0], Buffer.from(text).subarray(0, 7))
  assert.equal((await native().filesRead(-1, [`${tmp}/a`], 0))[0]?.length, 0)
})

kernelTest(test, 'file: interface indexes are those of the namespace given', async ({ ns }) => {
  await ns.must('ip', ['link', 'add', 'here0', 'index', '4711', 'type', 'bridge'])
  assert.equal([await native().ifindex(ns.fd, 'here0'), await native().ifindex(-1, 'here0'), await native().ifindex(ns.fd, 'a-name-that-is-too-long')], [4711, 0, 0])
  await ns.must('ip', ['link', 'del', 'here0'])
})

const file = (path: string, data: string | Uint8Array, more: { readonly mode?: number, readonly group?: number, readonly durable?: boolean } = {}): FileChange => ({ kind: 'file', path, data, mode: 0o600, group: -1, durable: false, ...more })

kernelTest(test, 'file: a list of changes is made in order, with mode and group whatever the umask', async ({ tmp }) => {
  const before = process.umask(0o077)
  try {
    await writeFile(`${tmp}/old`, 'old')
    await native().filesEdit([
      { kind: 'directory', path: `${tmp}/in`, mode: 0o750, group: 4242 }, file(`${tmp}/in/a`, 'ä', { mode: 0o640, group: 4242 }), file(`${tmp}/in/b`, Uint8Array.of(0, 255, 10), { durable: true }),
      file(`${tmp}/in/c`, '', { durable: true }), file(`${tmp}/old`, 'new', { mode: 0o644 }), { kind: 'none', path: `${tmp}/in/c` }, { kind: 'none', path: `${tmp}/in/never` },
    ])
  } finally { process.umask(before) }
  const seen = async (path: string): Promise<string> => { const { mode, gid } = await stat(path); return `${(mode & 0o7777).toString(8)} ${gid}` }
  assert.equal(await Promise.all(['in', 'in/a', 'in/b', 'old'].map((name) => seen(`${tmp}/${name}`))), ['750 4242', '640 4242', '600 0', '644 0'])
  assert.equal([await readFile(`${tmp}/in/a`, 'utf8'), [...await readFile(`${tmp}/in/b`)], await readFile(`${tmp}/old`, 'utf8')], ['ä', [0, 255, 10], 'new'])
  assert.equal((await readdir(`${tmp}/in`)).sort(), ['a', 'b'])
})

kernelTest(test, 'file: a directory that is there is changed only where a group is given', async ({ tmp }) => {
  await mkdir(`${tmp}/in`, { mode: 0o700 })
  await native().filesEdit([{ kind: 'directory', path: `${tmp}/in`, mode: 0o711, group: -1 }])
  assert.is((await stat(`${tmp}/in`)).mode & 0o777, 0o700)
  await native().filesEdit([{ kind: 'directory', path: `${tmp}/in`, mode: 0o711, group: 0 }])
  assert.is((await stat(`${tmp}/in`)).mode & 0o777, 0o711)
})

kernelTest(test, 'file: changes move files, write over their beginnings, and remove directories that are empty', async ({ tmp }) => {
  await mkdir(`${tmp}/a/b/c`, { recursive: true })
  await mkdir(`${tmp}/x/y`, { recursive: true })
  await writeFile(`${tmp}/x/kept`, 'old words')
  await native().filesEdit([
    { kind: 'room', path: `${tmp}/room`, size: 70_000 },
    { kind: 'moved', path: `${tmp}/x/kept`, to: `${tmp}/x/moved` }, { kind: 'beginning', path: `${tmp}/x/moved`, data: 'new' }, { kind: 'beginning', path: `${tmp}/x/never`, data: 'new' },
    { kind: 'empty', path: `${tmp}/a/b/c`, levels: 2 }, { kind: 'empty', path: `${tmp}/x/y`, levels: 3 }, { kind: 'empty', path: `${tmp}/a/b/never`, levels: 1 },
  ])
  const { size, blocks } = await stat(`${tmp}/room`)
  assert.ok(size === 70_000 && blocks * 512 >= size, `${size} bytes in ${blocks} blocks`)
  assert.equal([await readdir(`${tmp}/a`), await readdir(`${tmp}/x`), await readFile(`${tmp}/x/moved`, 'utf8')], [[], ['moved'], 'new words'])
  const refused = async (change: FileChange): Promise<string | undefined> => (await rejection(native().filesEdit([change])) as NodeJS.ErrnoException).code
  assert.equal(await Promise.all([
    refused({ kind: 'moved', path: `${tmp}/x/none`, to: `${tmp}/x/moved` }), refused({ kind: 'empty', path: `${tmp}/x/moved`, levels: 2 }), refused({ kind: 'beginning', path: `${tmp}/a`, data: '' }),
    refused({ kind: 'directory', path: `${tmp}/x/moved`, mode: 0o700, group: -1 }), refused({ kind: 'directory', path: `${tmp}/no/where`, mode: 0o700, group: -1 }),
  ]), ['ENOENT', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENOENT'])
})

kernelTest(test, 'file: a look at several places tells files from directories, and from nothing', async ({ tmp }) => {
  await mkdir(`${tmp}/empty`)
  await writeFile(`${tmp}/text`, 'words')
  const names = Array.from({ length: 3000 }, (_, i) => `ä-${i}-${'x'.repeat(40)}`)
  await mkdir(`${tmp}/many`)
  await Promise.all(names.map(async (name) => { await writeFile(`${tmp}/many/${name}`, '') }))
  const [text, empty, many, none, below] = await native().filesLook(-1, ['text', 'empty', 'many', 'none', 'text/below'].map((name) => `${tmp}/${name}`), 3)
  assert.equal([String(text), empty, none, below], ['wor', [], null, null])
  assert.equal((many as string[]).sort(), names.sort())
  assert.ok(isErrno(await rejection(native().filesLook(-1, [`${tmp}/${'x'.repeat(300)}`], 3)), 'ENAMETOOLONG'))
})

kernelTest(test, 'file: changes end at the first that fails, which leaves the old content and no temp file', async ({ tmp }) => {
  await mkdir(`${tmp}/in`)
  await writeFile(`${tmp}/old`, 'old')
  const error = await rejection(native().filesEdit([file(`${tmp}/first`, '1'), file(`${tmp}/in`, 'x'), file(`${tmp}/old`, 'new')]))
  assert.equal({ ...error as object }, { code: 'EISDIR', errno: 21, syscall: 'rename', path: `${tmp}/in`, index: 1 })
  assert.ok(isErrno(await rejection(native().filesEdit([file(`${tmp}/none/a`, '1')])), 'ENOENT'))
  assert.is(await readFile(`${tmp}/old`, 'utf8'), 'old')
  assert.equal((await readdir(tmp)).sort(), ['first', 'in', 'old'])
  for (const bad of [{ kind: 'other', path: tmp }, { kind: 'file', path: `${tmp}/x`, data: 7, mode: 0o600, group: -1, durable: false }, { kind: 'file', path: `${tmp}/x\0y`, data: '', mode: 0o600, group: -1, durable: false }]) assert.throws(() => native().filesEdit([bad as FileChange]), (reason: unknown) => reason instanceof TypeError)
  assert.throws(() => native().filesEdit({} as FileChange[]), (reason: unknown) => reason instanceof TypeError)
})

kernelTest(test, 'file: what does not fit leaves the old content', async ({ tmp }) => {
  await mkdir(`${tmp}/small`)
  const limited = `import { native } from ${JSON.stringify(new URL('../../src/netlink/native.js', import.meta.url).href)}
    import { writeFile } from 'node:fs/promises'
    await writeFile('small/a', 'old')
    const error = await native().filesEdit([{ kind: 'file', path: 'small/a', data: new Uint8Array(1 << 20), mode: 0o600, group: -1, durable: true }]).catch((reason) => reason)
    console.log(error.code, error.syscall)`
  const { stdout, stderr } = await exec('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o size=64k small small && "$0" --input-type=module -e "$1" && ls small && cat small/a', process.execPath, limited], { cwd: tmp })
  assert.is(stdout, 'ENOSPC write\na\nold', stderr)
})

test.run()
