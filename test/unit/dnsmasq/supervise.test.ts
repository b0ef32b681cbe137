import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ProcessError } from '../../../src/errors.js'
import type { Exit, Running } from '../../../src/dnsmasq/running.js'
import { Supervisor } from '../../../src/dnsmasq/supervise.js'

interface Scripted extends Running { end (exit: Exit): void, readonly asked: string[] }

/** A process that ends when the test says so. */
function process (pid: number): Scripted {
  const asked: string[] = []
  let end: (exit: Exit) => void = () => undefined
  const exited = new Promise<Exit>((resolve) => { end = resolve })
  const stop = (what: string) => (): Promise<void> => { asked.push(what); end({ signal: 15, lastLines: [] }); return Promise.resolve() }
  return {
    pid, pidfd: -1, startTime: '1', configPath: '/c', hash: 'h', exited, end, asked, alive: () => true,
    stop: stop('stop'), kill: stop('kill'), reload: () => Promise.resolve(), release: () => { asked.push('release') },
  }
}

/** The supervisor's timers do not keep the event loop alive; the test does. */
async function awake<T> (body: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, 1_000)
  try { return await body() } finally { clearInterval(timer) }
}

test('supervisor: starts it again when it ends, and says both', async () => {
  await awake(async () => {
    const told: string[] = []
    const first = process(1)
    const second = process(2)
    await new Promise<void>((resolve) => {
      const supervisor: Supervisor = new Supervisor({
        start: () => Promise.resolve(second),
        degraded: (lines) => { told.push(`degraded: ${lines.join()}`); assert.is(supervisor.running, undefined) },
        recovered: (running) => { told.push(`recovered: ${String(running.pid)}`); void supervisor.stop().then(resolve) },
      }, first)
      assert.is(supervisor.running, first)
      first.end({ code: 5, lastLines: ['out of luck'] })
    })
    assert.equal(told, ['degraded: out of luck', 'recovered: 2'])
    assert.equal(second.asked, ['stop'])
  })
})

test('supervisor: each start that fails waits longer, and tells why', async () => {
  await awake(async () => {
    const starts: number[] = []
    const told: (readonly string[])[] = []
    await new Promise<void>((resolve) => {
      const supervisor = new Supervisor({
        start: () => {
          starts.push(performance.now())
          return Promise.reject(new ProcessError('NETWRIGHT_DNSMASQ_FAILED', 'no', { lastLines: [`try ${String(starts.length)}`] }))
        },
        degraded: (lines) => { told.push(lines); if (told.length === 3) void supervisor.stop().then(resolve) },
        recovered: () => undefined,
      }, undefined)
    })
    assert.equal(told, [['try 1'], ['try 2'], ['try 3']])
    const [a = 0, b = 0, c = 0] = starts
    assert.ok(b - a >= 199 && c - b >= 399, 'a timer never fires early')
  })
})

test('supervisor: after its end nothing is started, and what is released goes on', async () => {
  await awake(async () => {
    const only = process(1)
    const supervisor = new Supervisor({ start: () => Promise.reject(new Error('never')), degraded: () => { throw new Error('never') }, recovered: () => undefined }, only)
    await supervisor.release()
    assert.equal(only.asked, ['release'])
    only.end({ code: 0, lastLines: [] })
    await only.exited
    await supervisor.stop()
    assert.equal(only.asked, ['release'])
  })
})

test('supervisor: a stop during a start aborts it and waits for its end', async () => {
  await awake(async () => {
    let supervisor: Supervisor | undefined
    const seen = await new Promise<string>((resolve) => {
      supervisor = new Supervisor({
        start: (signal) => new Promise((_, reject) => {
          signal.addEventListener('abort', () => { reject(new Error('aborted')) })
          void Promise.resolve().then(() => supervisor?.stop()).then(() => { resolve(signal.aborted ? 'aborted' : 'not aborted') })
        }),
        degraded: () => undefined, recovered: () => undefined,
      }, undefined)
    })
    assert.is(seen, 'aborted')
  })
})

test.run()
