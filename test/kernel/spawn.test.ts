/** Programs started by the addon, as /proc sees them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readdir, readFile, readlink, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isErrno } from '../../src/netlink/errno.js'
import { native } from '../../src/netlink/native.js'
import { exec } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'

const plain = { newSession: false, directory: '' }
const nothing = [-1, -1, -1] as const
const path = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin']

/** Runs to its end; returns what it printed and how it ended. */
async function output (tmp: string, netns: number, script: string, options = plain): Promise<{ text: string, code: number | null, signal: number | null }> {
  const file = await open(`${tmp}/out`, 'w')
  const { pidfd } = await native().processSpawn(netns, '/bin/sh', ['-c', script], path, [-1, file.fd, file.fd], options)
  await file.close()
  const end = await native().processWait(pidfd, true)
  native().close(pidfd)
  return { text: await readFile(`${tmp}/out`, 'utf8'), ...end }
}

/** Processes whose parent we are, zombies too, as `PID (NAME) STATE`. */
async function children (): Promise<string[]> {
  const stats = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  const found = stats.map((text) => /^(\d+ \(.*\) \S) (\d+) /s.exec(text)).filter((match) => match?.[2] === String(process.pid))
  return found.map((match) => match?.[1] ?? '')
}

kernelTest(test, 'spawn: the program runs in the namespace given, in the directory given, with the environment given', async ({ ns, tmp }) => {
  const { text, code, signal } = await output(tmp, ns.fd, 'readlink /proc/self/ns/net; pwd; env | grep -v -e ^PWD -e ^SHLVL -e ^_; exit 7', { newSession: false, directory: '/proc' })
  assert.equal([code, signal], [7, null])
  assert.is(text, `net:[${(await stat(ns.path, { bigint: true })).ino}]\n/proc\n${path[0] ?? ''}\n`)
})

kernelTest(test, 'spawn: has exactly the three descriptors given, though others are open without CLOEXEC', async ({ tmp }) => {
  const out = await open(`${tmp}/a`, 'w')
  const err = await open(`${tmp}/b`, 'w')
  const { pid, pidfd } = await native().processSpawn(-1, '/bin/sleep', ['1000'], [], [-1, err.fd, out.fd], plain)
  // While it is loaded it has its libraries open.
  const fds = async (): Promise<string> => (await readdir(`/proc/${pid}/fd`)).sort().join()
  for (let i = 0; i < 3_000 && await fds() !== '0,1,2'; i++) await sleep(10)
  assert.is(await fds(), '0,1,2')
  assert.equal(await Promise.all(['0', '1', '2'].map((fd) => readlink(`/proc/${pid}/fd/${fd}`))), ['/dev/null', `${tmp}/b`, `${tmp}/a`])
  assert.equal((await children()).map((line) => line.split(' ')[0]), [String(pid)])
  native().processSignal(pidfd, 15)
  assert.equal(await native().processWait(pidfd, true), { code: null, signal: 15 })
  await out.close()
  await err.close()
  native().close(pidfd)
})

kernelTest(test, 'spawn: descriptors may be given crosswise', async ({ tmp }) => {
  const script = `import { native } from ${JSON.stringify(new URL('../../src/netlink/native.js', import.meta.url).href)}
    const { pidfd } = await native().processSpawn(-1, '/bin/sh', ['-c', 'echo to one; echo to two >&2'], [], [0, 2, 1], { newSession: false, directory: '' })
    await native().processWait(pidfd, true)`
  const { stdout, stderr } = await exec(process.execPath, ['--input-type=module', '-e', script], { cwd: tmp })
  assert.equal([stdout, stderr], ['to two\n', 'to one\n'])
})

kernelTest(test, 'spawn: no descriptor that another left open without CLOEXEC reaches the program', async () => {
  const script = `import { native } from ${JSON.stringify(new URL('../../src/netlink/native.js', import.meta.url).href)}
    const { pidfd } = await native().processSpawn(-1, '/bin/sh', ['-c', 'ls /proc/$$/fd'], ${JSON.stringify(path)}, [-1, 1, 2], { newSession: false, directory: '' })
    await native().processWait(pidfd, true)`
  const { stdout } = await exec('sh', ['-c', 'exec "$0" --input-type=module -e "$1" 7</dev/null', process.execPath, script])
  assert.not.ok(stdout.split('\n').includes('7'), stdout)
})

kernelTest(test, 'spawn: signals are as in a fresh program: none blocked, none ignored, none caught', async () => {
  const { pid, pidfd } = await native().processSpawn(-1, '/bin/sleep', ['1000'], [], nothing, plain)
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  assert.equal([...status.matchAll(/^Sig(?:Blk|Ign|Cgt):\t(.*)$/gm)].map(([, mask]) => mask), Array(3).fill('0000000000000000'))
  native().processSignal(pidfd, 9)
  await native().processWait(pidfd, true)
  native().close(pidfd)
})

kernelTest(test, 'spawn: a session of its own where asked', async ({ tmp }) => {
  const script = 'set -- $(cat /proc/$$/stat); test "$1" = "$6" && echo leader || echo member'
  assert.is((await output(tmp, -1, script, { newSession: true, directory: '' })).text, 'leader\n')
  assert.is((await output(tmp, -1, script)).text, 'member\n')
})

kernelTest(test, 'spawn: what cannot be started is an error that says why, and no process is left', async ({ tmp }) => {
  const cases: readonly (readonly [string, string, string])[] = [['/no/such', '', 'ENOENT'], ['/etc/passwd', '', 'EACCES'], ['/bin/true', '/no/such', 'ENOENT'], [tmp, '', 'EACCES']]
  const before = await children()
  for (const [file, directory, name] of cases) {
    const error = await native().processSpawn(-1, file, [], [], nothing, { newSession: false, directory }).catch((reason: unknown) => reason)
    assert.ok(isErrno(error, name), String(error))
    assert.match(error instanceof Error ? error.message : '', directory === '' ? `execve ${file}: ${name}` : `chdir ${directory}: ${name}`)
  }
  const bad = await native().processSpawn(-1, '/bin/true', [], [], nothing, plain).then(({ pidfd }) => pidfd)
  await native().processWait(bad, true)
  native().close(bad)
  assert.throws(() => native().processSpawn(-1, '/bin/true', [], [], [-1, 9999, -1], plain), (error: unknown) => isErrno(error, 'EBADF'))
  assert.throws(() => native().processSpawn(-1, '/bin/true', ['a\0b'], [], nothing, plain), (error: unknown) => error instanceof TypeError)
  assert.equal(await children(), before)
})

kernelTest(test, 'spawn: a hundred at once end with their own codes, and none becomes a zombie', async () => {
  const codes = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
    const { pidfd } = await native().processSpawn(-1, '/bin/sh', ['-c', `exit ${i}`], path, nothing, plain)
    const waiting = native().processWait(pidfd, true)
    native().close(pidfd) // the waiter has a copy
    return (await waiting).code
  }))
  assert.equal(codes, Array.from({ length: 100 }, (_, i) => i))
  assert.equal(await children(), [])
})

kernelTest(test, 'spawn: children of child_process and ours end each with their own, side by side', async () => {
  const theirs = Array.from({ length: 10 }, async (_, i) => {
    const [code] = await once(spawn('sh', ['-c', `exit ${i}`], { stdio: 'ignore' }), 'exit') as [number]
    return code
  })
  const ours = Array.from({ length: 10 }, async (_, i) => {
    const { pidfd } = await native().processSpawn(-1, '/bin/sh', ['-c', `exit ${i + 10}`], path, nothing, plain)
    const { code } = await native().processWait(pidfd, true)
    native().close(pidfd)
    return code
  })
  assert.equal(await Promise.all([...theirs, ...ours]), Array.from({ length: 20 }, (_, i) => i))
})

kernelTest(test, 'spawn: a process that is not ours is opened, watched and signalled, without a code', async () => {
  const { stdout } = await exec('sh', ['-c', 'sleep 1000 >/dev/null 2>&1 & echo $!'])
  const pid = Number(stdout)
  const pidfd = await native().processOpen(pid)
  const waiting = native().processWait(pidfd, true)
  native().processSignal(pidfd, 0)
  native().processSignal(pidfd, 9)
  assert.equal(await waiting, { code: null, signal: null })
  for (let i = 0; i < 3_000 && await stat(`/proc/${pid}`).then(() => true, () => false); i++) await sleep(10) // its parent reaps it
  assert.throws(() => native().processSignal(pidfd, 0), (error: unknown) => isErrno(error, 'ESRCH'))
  native().close(pidfd)
  assert.ok(isErrno(await native().processOpen(pid).catch((error: unknown) => error), 'ESRCH'))
})

kernelTest(test, 'spawn: waiting keeps the process alive only where asked, and a child outlives us', async () => {
  const script = (ref: boolean): string => `import { native } from ${JSON.stringify(new URL('../../src/netlink/native.js', import.meta.url).href)}
    const { pid, pidfd } = await native().processSpawn(-1, '/bin/sh', ['-c', ${JSON.stringify(ref ? 'exit 3' : 'exec sleep 1000')}], ${JSON.stringify(path)}, [-1, -1, -1], { newSession: true, directory: '' })
    native().processWait(pidfd, ${String(ref)}).then(({ code }) => console.log('ended', code))
    console.log(pid)`
  const waited = await exec(process.execPath, ['--input-type=module', '-e', script(true)])
  assert.match(waited.stdout, /ended 3\n$/)
  const left = await exec(process.execPath, ['--input-type=module', '-e', script(false)])
  assert.is(left.code, 0)
  const pidfd = await native().processOpen(Number(left.stdout))
  native().processSignal(pidfd, 9)
  await native().processWait(pidfd, true)
  native().close(pidfd)
})

kernelTest(test, 'spawn: capabilities are those that /proc tells', async () => {
  const status = await readFile('/proc/self/status', 'utf8')
  assert.is(native().capabilities(), BigInt(`0x${/^CapEff:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? ''}`))
})

/** `cat`, and its log; `say` is over when what was said is in the log. */
async function cat (log: string): Promise<{ readonly pid: number, readonly pidfd: number, readonly logSize: number, readonly status: string, say (text: string): Promise<void>, end (): Promise<void> }> {
  await writeFile(`${log}.fifo`, '').then(async () => { await rm(`${log}.fifo`); await exec('mkfifo', [`${log}.fifo`]) })
  const started = await native().processSpawn(-1, '/bin/sh', ['-c', `exec cat <${log}.fifo`], path, nothing, { ...plain, log })
  const input = await open(`${log}.fifo`, 'w')
  return {
    ...started,
    say: async (text) => {
      const wanted = (await stat(log)).size + Buffer.byteLength(text)
      await input.write(text)
      for (let turn = 0; (await stat(log)).size < wanted; turn++) {
        if (turn === 10_000) throw new Error('cat does not write')
        await sleep(1)
      }
    },
    end: async () => {
      await input.close()
      await native().processWait(started.pidfd, true)
      native().close(started.pidfd)
    },
  }
}

kernelTest(test, 'spawn: a log is made, appended to, never through a link, and what it held is told', async ({ tmp }) => {
  const log = `${tmp}/log`
  for (const [before, after] of [[0, 'out\nerr\n'], [8, 'out\nerr\nout\nerr\n']] as const) {
    const { pid, pidfd, logSize, status } = await native().processSpawn(-1, '/bin/sh', ['-c', 'echo out; echo err >&2'], path, nothing, { ...plain, log })
    await native().processWait(pidfd, true)
    native().close(pidfd)
    assert.is(logSize, before)
    assert.match(status, new RegExp(`^${pid} \\(.*\\) \\S ${process.pid} `))
    assert.is(await readFile(log, 'utf8'), after)
  }
  assert.is((await stat(log)).mode & 0o777, 0o600)
  await symlink(log, `${tmp}/link`)
  const error = await native().processSpawn(-1, '/bin/true', [], [], nothing, { ...plain, log: `${tmp}/link` }).catch((reason: unknown) => reason)
  assert.ok(isErrno(error, 'ELOOP'))
  assert.equal(await children(), [])
})

kernelTest(test, 'spawn: a line of the log is waited for, as a whole and behind the offset given', async ({ tmp }) => {
  const log = `${tmp}/log`
  await writeFile(log, 'ready: old\n')
  const { pidfd, logSize, say, end } = await cat(log)
  let found: string | null | undefined
  const waiting = native().processLog(pidfd, log, logSize, ['never', 'ready'], 60_000).then((text) => { found = text })
  await say('starting\nrea')
  await say('dy: new')
  // What is written before another wait begins has been looked at by the first when the second is over.
  const second = native().processLog(pidfd, log, 0, ['other'], 60_000)
  await say(' and\xff whole\nother\n')
  assert.is(await second, 'other\n')
  await waiting
  assert.match(found ?? '', /^ready: new and\S+ whole\n/)
  assert.is(await native().processLog(pidfd, log, 0, ['old'], 60_000), await readFile(log, 'utf8'))
  await end()
})

kernelTest(test, 'spawn: waiting for a line ends with the process, with its time, and where there is no log', async ({ tmp }) => {
  const log = `${tmp}/log`
  const { pidfd, say, end } = await cat(log)
  await say('something\n')
  const late = await native().processLog(pidfd, log, 0, ['never'], 10).catch((reason: unknown) => reason)
  assert.ok(isErrno(late, 'ETIMEDOUT'))
  const none = await native().processLog(pidfd, `${tmp}/none`, 0, ['never'], 60_000).catch((reason: unknown) => reason)
  assert.ok(isErrno(none, 'ENOENT'))
  const waits = Array.from({ length: 20 }, async () => await native().processLog(pidfd, log, 0, ['never'], 60_000))
  await end()
  assert.equal(new Set(await Promise.all(waits)), new Set([null]))
  assert.throws(() => native().processLog(-1, log, -1, [], 0), (error: unknown) => error instanceof TypeError)
})

kernelTest(test, 'spawn: a log that is cut meanwhile is read from its beginning, and long lines hinder nobody', async ({ tmp }) => {
  const log = `${tmp}/log`
  await writeFile(log, '.'.repeat(100_000))
  const { pidfd, logSize, say, end } = await cat(log)
  const waiting = native().processLog(pidfd, log, logSize, ['ready'], 60_000)
  await say('.'.repeat(60_000))
  await say(`${'.'.repeat(60_000)}\n`)
  assert.is(await native().processLog(pidfd, log, 200_000, ['.'], 60_000), `${'.'.repeat(20_000)}\n`)
  await truncate(log)
  await say('ready\n')
  assert.is(await waiting, 'ready\n')
  await end()
})

kernelTest(test, 'spawn: of a log that is cut within a line that line is forgotten', async ({ tmp }) => {
  const log = `${tmp}/log`
  const { pidfd, say, end } = await cat(log)
  const first = async (): Promise<string | null> => await native().processLog(pidfd, log, 0, ['first'], 60_000)
  await say('first\nhalf')
  assert.is(await first(), 'first\nhalf')
  const waiting = native().processLog(pidfd, log, 0, ['ready'], 60_000)
  for (const _ of [1, 2]) await first() // two that began later are over: so the half line has been looked at
  await truncate(log)
  await say('ready\n')
  assert.is(await waiting, 'ready\n')
  await end()
})

kernelTest(test, 'spawn: without inotify a log is looked at now and then', async ({ tmp }) => {
  const script = `import { native } from ${JSON.stringify(new URL('../../src/netlink/native.js', import.meta.url).href)}
    const { pidfd } = await native().processSpawn(-1, '/bin/sh', ['-c', 'sleep 0.1; echo ready; exec sleep 1000'], ${JSON.stringify(path)}, [-1, -1, -1], { newSession: false, directory: '', log: 'log' })
    console.log(JSON.stringify(await native().processLog(pidfd, 'log', 0, ['ready'], 60000)))
    native().processSignal(pidfd, 9)`
  const { stdout, stderr } = await exec('unshare', ['-U', '-r', 'sh', '-c', 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$0" --input-type=module -e "$1"', process.execPath, script], { cwd: tmp })
  assert.is(stdout, '"ready\\n"\n', stderr)
})

test.run()
