/** The addon's face: every name that src/netlink/native.ts declares is there, and wrong arguments are TypeErrors, not crashes. */
import { readFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { native } from '../../../src/netlink/native.js'

const source = new URL('../../../../src/netlink/native.ts', import.meta.url)

/** The names in `interface Native`, in order. */
async function declared (): Promise<string[]> {
  const text = await readFile(source, 'utf8')
  const body = /export interface Native \{\n(.*?)\n\}/s.exec(text)?.[1] ?? ''
  return [...body.matchAll(/^ {2}([a-zA-Z]+)(?:<T>)? \(/gm)].map(([, name]) => name ?? '')
}

test('native: exports exactly what its types declare', async () => {
  const addon: object = native()
  assert.equal(Object.keys(addon).sort(), (await declared()).sort())
})

test('native: no arguments, and arguments of every wrong kind, are refused by an exception or a rejection', async () => {
  const kinds: readonly unknown[] = [undefined, null, 'x', 1.5, 2 ** 40, NaN, true, {}, [], [1], [{}], new Uint8Array(3), () => undefined, Symbol('x'), 1n]
  for (const [name, value] of Object.entries(native())) {
    if (['capabilities', 'netnsUnnamed', 'threadOpen', 'threadId', 'wakerOpen'].includes(name)) continue // they take none
    const call = value as (...args: readonly unknown[]) => unknown
    assert.throws(() => call(), (error: unknown) => error instanceof TypeError, name)
    // Strings and numbers that could name something real are left out: nothing is to be done here.
    for (const kind of kinds.filter((one) => typeof one !== 'string')) {
      const outcome = await Promise.resolve().then(() => call(kind, kind, kind, kind, kind, kind)).then(() => 'done', (error: unknown) => error)
      assert.instance(outcome, TypeError, `${name}(${typeof kind})`)
    }
  }
})

test('native: a channel is only what channelOpen returned', () => {
  for (const channel of [{}, { brand: 'channel' as const }, Object.create(null) as object]) {
    assert.throws(() => native().channelClose(channel as never), (error: unknown) => error instanceof TypeError)
    assert.throws(() => native().channelExchange(channel as never, new Uint8Array(16), false), (error: unknown) => error instanceof TypeError)
  }
})

test('native: is loaded by the main thread and workers at once', async () => {
  const script = `
    const { workerData, parentPort } = require('node:worker_threads')
    import(workerData).then(async ({ native }) => parentPort.postMessage([await native().ifindex(-1, 'lo'), native().capabilities()]))`
  const url = new URL('../../../src/netlink/native.js', import.meta.url).href
  const expected = [await native().ifindex(-1, 'lo'), native().capabilities()]
  const found = await Promise.all(Array.from({ length: 4 }, async () => (await once(new Worker(script, { eval: true, workerData: url }), 'message') as unknown[])[0]))
  assert.equal(found, Array(4).fill(expected))
})

test.run()
