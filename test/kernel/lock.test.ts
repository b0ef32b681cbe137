/** The lock, contended by flock(1) of util-linux and by other processes of ours. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { lstat, readdir, symlink, writeFile } from 'node:fs/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lock } from '../../src/engine/lock.js'
import { NetwrightError } from '../../src/errors.js'
import { isErrno } from '../../src/netlink/errno.js'
import { native } from '../../src/netlink/native.js'
import { exec } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'

const addon = new URL('../../src/netlink/native.js', import.meta.url).href

/** A process that takes the lock and holds it until it dies. */
async function holder (path: string): Promise<ChildProcess> {
  const script = `import { native } from ${JSON.stringify(addon)}
    console.log(await native().lockTry(process.argv[1], null) !== null)
    setInterval(() => {}, 1e6)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [text] = await once(child.stdout, 'data') as [Buffer]
  assert.is(text.toString(), 'true\n')
  return child
}

kernelTest(test, 'lock: is held against others, in this process and out of it, until released', async ({ tmp }) => {
  const path = `${tmp}/lock`
  const fd = await native().lockTry(path, null)
  assert.type(fd, 'number')
  assert.is((await lstat(path)).mode & 0o777, 0o600)
  assert.is(await native().lockTry(path, null), null)
  assert.is((await exec('flock', ['-n', path, 'true'])).code, 1)
  await native().lockRelease(fd ?? -1, path, false)
  assert.is((await exec('flock', ['-n', path, 'true'])).code, 0)
  const again = await native().lockTry(path, null)
  await native().lockRelease(again ?? -1, path, true)
  assert.equal(await readdir(tmp), [])
})

kernelTest(test, 'lock: a signal that is none is refused, and nobody waits for it', async ({ tmp }) => {
  const options = { path: `${tmp}/lock`, purpose: 'test', timeout: 1_000 }
  // @ts-expect-error -- what a program without types may pass
  const error = await lock({ ...options, signal: 'x' }).then(() => undefined, (reason: unknown) => reason)
  assert.is(error instanceof NetwrightError && error.code, 'NETWRIGHT_INVALID')
  const signal = Object.assign(new AbortController().signal, { addEventListener: () => { throw new Error('broken') } })
  assert.is(await lock({ ...options, signal }).then(() => '', String), 'Error: broken')
  await (await lock({ ...options, signal: AbortSignal.timeout(5_000) })).release(true)
})

kernelTest(test, 'lock: is given back by the kernel when its holder is killed', async ({ tmp }) => {
  const path = `${tmp}/lock`
  const child = await holder(path)
  assert.is(await native().lockTry(path, null), null)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const fd = await native().lockTry(path, null)
  assert.type(fd, 'number')
  await native().lockRelease(fd ?? -1, path, true)
})

kernelTest(test, 'lock: is not inherited by programs that are started while it is held', async ({ tmp }) => {
  const path = `${tmp}/lock`
  const fd = await native().lockTry(path, null)
  const { pidfd } = await native().processSpawn(-1, '/bin/sleep', ['1000'], [], [-1, -1, -1], { newSession: false, directory: '' })
  await native().lockRelease(fd ?? -1, path, false)
  const again = await native().lockTry(path, null)
  assert.type(again, 'number')
  await native().lockRelease(again ?? -1, path, true)
  native().processSignal(pidfd, 9)
  await native().processWait(pidfd, true)
  native().close(pidfd)
})

kernelTest(test, 'lock: never has two holders, though each unlinks the file as it leaves', async ({ tmp }) => {
  const script = `import { native } from ${JSON.stringify(addon)}
    import { mkdirSync, rmdirSync } from 'node:fs'
    const [path, inside] = process.argv.slice(1)
    let held = 0
    while (held < 60) {
      const fd = await native().lockTry(path, null)
      if (fd === null) continue
      mkdirSync(inside); rmdirSync(inside) // EEXIST where somebody else is inside
      await native().lockRelease(fd, path, true)
      held++
    }`
  const ends = await Promise.all(Array.from({ length: 4 }, () => exec(process.execPath, ['--input-type=module', '-e', script, `${tmp}/lock`, `${tmp}/inside`], { timeoutMs: 180_000 })))
  assert.equal(ends.map(({ code, stderr }) => [code, stderr]), Array(4).fill([0, '']))
})

kernelTest(test, 'lock: does not follow a symbolic link and does not remove a file that took its name', async ({ tmp }) => {
  const path = `${tmp}/lock`
  await symlink('/run/elsewhere', path)
  assert.ok(isErrno(await native().lockTry(path, null).catch((error: unknown) => error), 'ELOOP'))
  assert.ok(isErrno(await native().lockTry(`${tmp}/none/lock`, null).catch((error: unknown) => error), 'ENOENT'))
  const other = `${tmp}/other`
  const fd = await native().lockTry(other, null)
  await exec('rm', [other])
  await writeFile(other, 'mine')
  await native().lockRelease(fd ?? -1, other, true)
  assert.ok((await lstat(other)).isFile())
})

test.run()
