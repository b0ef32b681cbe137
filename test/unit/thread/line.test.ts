/** Lines, over a real pair of message ports: what is called, thrown and aborted on one side happens on the other. */
import { once } from 'node:events'
import { runInNewContext } from 'node:vm'
import { MessageChannel } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError, isError, KernelError, NetwrightError, ProcessError } from '../../../src/errors.js'
import { Line, ROOT } from '../../../src/thread/line.js'
import { Scope } from '../../../src/thread/scope.js'

interface Pair { readonly ask: (verb: string, ...args: readonly unknown[]) => Promise<unknown>, readonly near: Line, readonly far: Line }

async function pair (root: object, work: (pair: Pair) => Promise<void>): Promise<void> {
  const { port1, port2 } = new MessageChannel()
  const nothing = { declare: () => undefined, obtain: (value: unknown) => value }
  const near = new Line({}, nothing, { post: (messages) => { port1.postMessage(messages) } })
  const far = new Line(root, nothing, { post: (messages) => { port2.postMessage(messages) } })
  port1.on('message', (messages: Parameters<Line['receive']>[0]) => { near.receive(messages) })
  port2.on('message', (messages: Parameters<Line['receive']>[0]) => { far.receive(messages) })
  try { await work({ ask: async (verb, ...args) => await near.call(ROOT, verb.split('.'), args), near, far }) } finally { port1.close() }
}

async function thrown (work: Promise<unknown>): Promise<unknown> { return await work.then(() => { throw new assert.Assertion({ message: 'nothing was thrown', details: '', generated: true, operator: 'throws', expects: 'an error', actual: 'none' }) }, (error: unknown) => error) }

test('line: verbs of parts, in the order of calling', async () => {
  const said: string[] = []
  await pair({ parts: { say: (text: string) => { said.push(text); return said.length } } }, async ({ ask }) => {
    assert.equal(await Promise.all([ask('parts.say', 'a'), ask('parts.say', 'b'), ask('parts.say', 'c')]), [1, 2, 3])
    assert.equal(said, ['a', 'b', 'c'])
    assert.match(String(await thrown(ask('parts.other.verb'))), /there is no verb/)
  })
})

test('line: calls keep their order although a long list takes turns to pack, and one that cannot be packed holds up nobody', async () => {
  const said: number[] = []
  await pair({ say: (what: number | readonly number[]) => { said.push(typeof what === 'number' ? what : what.filter(() => true).length); return said.length } }, async ({ ask }) => {
    const long = Array.from({ length: 20_000 }, (_, i) => i)
    const calls = [ask('say', 1), ask('say', long), ask('say', 2), ask('say', [...long, new Array(10_000_000)]), ask('say', long.slice(0, 100)), ask('say', 3)]
    long.length = 0 // what was given stays given: a hole would not be counted
    const ends = await Promise.allSettled(calls)
    assert.equal(ends.map(({ status }) => status), ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    assert.equal(said, [1, 20_000, 2, 100, 3])
  })
})

test('line: a thousand calls at once travel in lots, in order, and the loop turns between them', async () => {
  const said: number[] = []
  const lots: number[] = []
  let turns = 0
  const { port1, port2 } = new MessageChannel()
  const nothing = { declare: () => undefined, obtain: (value: unknown) => value }
  const near = new Line({}, nothing, { post: (messages) => { lots.push(messages.length); port1.postMessage(messages) } })
  const far = new Line({ say: (number: number) => { said.push(number); return -number } }, nothing, { post: (messages) => { port2.postMessage(messages) } })
  port1.on('message', (messages: Parameters<Line['receive']>[0]) => { near.receive(messages) })
  port2.on('message', (messages: Parameters<Line['receive']>[0]) => { far.receive(messages) })
  const numbers = Array.from({ length: 1000 }, (_, i) => i)
  const counting = setInterval(() => { turns++ }, 0)
  try {
    assert.equal(await Promise.all(numbers.map(async (number) => await near.call(ROOT, ['say'], [number]))), numbers.map((number) => -number))
    assert.equal(said, numbers)
    assert.ok(lots.length >= 7 && Math.max(...lots) <= 200, `lots of ${lots.join()}`)
    assert.ok(turns > 0)
  } finally { clearInterval(counting); port1.close() }
})

test('line: errors keep their class, words, facts, causes, and say whose call it was', async () => {
  const refused = new KernelError({ request: 'RTM_NEWLINK', object: 'br0', errno: 17, errnoName: 'EEXIST', sentence: 'no' }, { remedy: 'another name', network: 'red', cause: new TypeError('below') })
  const system = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT', errno: -2, syscall: 'open' })
  const several = new AggregateError([new RangeError('one'), new InputError([{ path: 'ip[0]', message: 'two' }])], 'both')
  const wait = new ProcessError('NETWRIGHT_DNSMASQ_FAILED', 'it ended', { exitCode: 2, lastLines: ['bad'] })
  await pair({ fail: (which: number) => { throw [refused, system, several, wait][which] } }, async ({ ask }) => { // eslint-disable-line @typescript-eslint/only-throw-error -- they are errors
    async function whoAsks (which: number): Promise<unknown> { return await thrown(ask('fail', which)) }
    const kernel = await whoAsks(0)
    assert.ok(kernel instanceof KernelError && kernel instanceof NetwrightError && kernel instanceof Error && !(kernel instanceof InputError))
    assert.equal([Object.fromEntries(Object.entries(kernel)), kernel.message, kernel.name], [Object.fromEntries(Object.entries(refused)), refused.message, 'KernelError'])
    assert.ok(kernel.cause instanceof TypeError && kernel.cause.message === 'below')
    assert.match(kernel.stack ?? '', /whoAsks/)
    assert.not.ok(Object.keys(kernel).includes('cause'))
    const node = await whoAsks(1)
    assert.ok(isError(node))
    assert.equal(Object.fromEntries(Object.entries(node)), { code: 'ENOENT', errno: -2, syscall: 'open' })
    const aggregate = await whoAsks(2)
    assert.ok(aggregate instanceof AggregateError)
    assert.ok(aggregate.errors[0] instanceof RangeError)
    assert.equal((aggregate.errors[1] as InputError).issues, [{ path: 'ip[0]', message: 'two' }])
    const ended = await whoAsks(3)
    assert.ok(ended instanceof ProcessError)
    assert.equal([ended.exitCode, ended.lastLines], [2, ['bad']])
  })
})

test('line: a signal is aborted over there, and its reason comes back as the same object', async () => {
  let heard = 0
  const root = {
    wait: async ({ signal }: { readonly signal: AbortSignal }) => { heard++; await once(signal, 'abort'); throw new NetwrightError('NETWRIGHT_ABORTED', 'enough', { cause: signal.reason }) },
    look: ({ signal }: { readonly signal: AbortSignal }) => signal.aborted,
  }
  await pair(root, async ({ ask }) => {
    const enough = new AbortController()
    const reason = new Error('that will do')
    const over = thrown(ask('wait', { signal: enough.signal }))
    while (heard === 0) await new Promise(setImmediate)
    enough.abort(reason)
    const error = await over
    assert.ok(error instanceof NetwrightError && error.code === 'NETWRIGHT_ABORTED')
    assert.is(error.cause, reason)
    assert.is(await ask('look', { signal: AbortSignal.abort() }), true)
    assert.is(await ask('look', { signal: new AbortController().signal }), false)
  })
})

/** What programs throw, and abort with. */
function oddities (): readonly unknown[] {
  const cyclic = new Error('its own cause')
  Object.assign(cyclic, { self: cyclic, cause: cyclic })
  let graph: unknown = []
  for (let level = 0; level < 40; level++) graph = [graph, graph]
  const holder = Object.assign(new Error('with half a program'), { graph, map: new Map([[1, () => 1]]), client: { socket: new WeakMap() } })
  const accessor = Object.defineProperty(new Error('with an accessor'), 'response', { enumerable: true, get () { throw new Error('not to be run') } })
  const nobody: unknown = Object.setPrototypeOf(new Error('of no class'), null)
  const odd = Object.defineProperty(new Error('with a name that throws'), 'name', { get () { throw new Error('not to be run') } })
  return [cyclic, holder, accessor, nobody, odd, { plain: 'object' }, { graph }, new Map([[1, () => 1]]), () => 'a function', new DOMException('late', 'TimeoutError')]
}

test('line: whatever a function throws, and a signal is aborted with, comes back as the same', async () => {
  const root = {
    run: async (work: () => Promise<unknown>) => await work(),
    reason: async ({ signal }: { readonly signal: AbortSignal }) => { if (!signal.aborted) await once(signal, 'abort'); throw new NetwrightError('NETWRIGHT_ABORTED', 'enough', { cause: signal.reason }) },
  }
  for (const odd of oddities()) {
    await pair(root, async ({ ask }) => {
      assert.ok(await thrown(ask('run', () => { throw odd })) === odd)
      assert.ok((await thrown(ask('reason', { signal: AbortSignal.abort(odd) })) as Error).cause === odd)
      const later = new AbortController()
      const over = thrown(ask('reason', { signal: later.signal }))
      later.abort(odd)
      assert.ok((await over as Error).cause === odd)
      assert.ok((await ask('run', () => ({ odd }))) !== false) // whatever it returns is something
    })
  }
})

test('line: an error of a signal\'s own stays one over there', async () => {
  await pair({ look: ({ signal }: { readonly signal: AbortSignal }) => [signal.reason instanceof DOMException, (signal.reason as Error).name] }, async ({ ask }) => {
    assert.equal(await ask('look', { signal: AbortSignal.abort() }), [true, 'AbortError'])
  })
})

test('line: a stack that a program has in its own form, or has none of, spoils no error', async () => {
  await pair({ fail: () => { throw Object.assign(new Error('no'), { stack: 'theirs' }) } }, async ({ ask }) => {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    try { assert.is((await thrown(ask('fail')) as Error).stack, 'theirs') } finally { Error.stackTraceLimit = stackTraceLimit }
  })
})

test('line: calls that share a signal share its listener, and each is aborted', async () => {
  let waiting = 0
  const root = { wait: async ({ signal }: { readonly signal: AbortSignal }) => { waiting++; await new Promise((resolve) => { signal.addEventListener('abort', resolve) }); throw signal.reason as Error }, nothing: () => undefined }
  await pair(root, async ({ ask }) => {
    const enough = new AbortController()
    const reason = new Error('that will do')
    let listeners = 0
    const add = enough.signal.addEventListener.bind(enough.signal)
    Object.assign(enough.signal, { addEventListener: (...args: Parameters<typeof add>) => { listeners++; add(...args) } })
    const over = Array.from({ length: 50 }, async () => await thrown(ask('wait', { signal: enough.signal })))
    await ask('nothing', { signal: enough.signal }) // one that ends before
    while (waiting < 50) await new Promise(setImmediate)
    assert.is(listeners, 1)
    enough.abort(reason)
    for (const error of await Promise.all(over)) assert.ok(error === reason)
  })
})

test('line: a signal that outlives its call is let go of', async () => {
  await pair({ nothing: () => undefined }, async ({ ask }) => {
    const { signal } = new AbortController()
    let listeners = 0
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    Object.assign(signal, { addEventListener: (...args: Parameters<typeof add>) => { listeners++; add(...args) }, removeEventListener: (...args: Parameters<typeof remove>) => { listeners--; remove(...args) } })
    for (let i = 0; i < 5; i++) await ask('nothing', { signal })
    assert.is(listeners, 0)
  })
})

test('line: functions are called back, and what they throw comes back as the same object', async () => {
  const own = new Error('mine')
  const root = { run: async (probe: (given: { readonly signal: AbortSignal }) => Promise<unknown>) => { try { return await probe({ signal: new AbortController().signal }) } catch (cause) { throw new NetwrightError('NETWRIGHT_PROBE_FAILED', 'no', { cause }) } } }
  await pair(root, async ({ ask }) => {
    assert.is(await ask('run', ({ signal }: { readonly signal: AbortSignal }) => signal.aborted ? 'aborted' : 'looked'), 'looked')
    const error = await thrown(ask('run', () => { throw own }))
    assert.ok(error instanceof NetwrightError)
    assert.is(error.cause, own)
  })
})

test('line: what was let go with a scope stays until its end', async () => {
  let kept: (() => Promise<unknown>) | undefined
  await pair({ keep: (given: () => Promise<unknown>) => { kept = given } }, async ({ near }) => {
    const scope = new Scope()
    await near.call(ROOT, ['keep'], [() => 'here'], scope)
    assert.is(await kept?.(), 'here')
    near.end(scope)
    assert.match(String(await thrown(kept?.() ?? Promise.resolve())), /any more/)
  })
})

test('line: what nobody waits for and fails is a warning', async () => {
  await pair({ log: () => { throw new Error('a logger that throws') } }, async ({ near }) => {
    const warned = once(process, 'warning')
    near.tell(ROOT, ['log'], [])
    const [warning] = await warned as [Error]
    assert.is(warning.message, 'a logger that throws')
  })
})

test('line: whatever is thrown while messages are heard, the rest of them is heard', async () => {
  const odd: readonly unknown[] = [runInNewContext('new Error("of another realm")'), Object.create(null), { toString: () => { throw new Error('no words') } }, Object.defineProperty(new Error('no name'), 'name', { get: () => { throw new Error('not to be run') } })]
  for (const thrown of odd) {
    await pair({ log: () => { throw thrown }, hi: () => 'hi' }, async ({ ask, near }) => {
      const warned = once(process, 'warning')
      near.tell(ROOT, ['log'], [])
      assert.is(await ask('hi'), 'hi')
      const [warning] = await warned as [Error]
      assert.match(warning.message, /of another realm|without words|no name/)
    })
  }
})

test('line: what comes at once and takes long to hear is heard in slices', async () => {
  const COUNT = 40
  const heardIn: number[] = []
  let turn = 0
  const burn = (): void => {
    for (const until = performance.now() + 1; performance.now() < until;);
    heardIn.push(turn)
  }
  const line = new Line({ burn }, { declare: () => undefined, obtain: (value) => value }, { post: () => undefined })
  line.receive(Array.from({ length: COUNT }, () => ({ kind: 'tell', on: ROOT, verb: ['burn'], args: { data: [] } } as const)))
  for (; heardIn.length < COUNT && turn < 1000; turn++) await new Promise((resolve) => { setImmediate(resolve) })
  assert.is(heardIn.length, COUNT)
  assert.ok(new Set(heardIn).size >= 10, `heard in turns ${heardIn.join()}`)
})

test('line: a message that makes no sense does not leave it deaf', async () => {
  const said: string[] = []
  const line = new Line({ say: (text: string) => { said.push(text) } }, { declare: () => undefined, obtain: (value) => value }, { post: () => undefined })
  const warned = once(process, 'warning')
  const say = (text: string): object => ({ kind: 'tell', on: ROOT, verb: ['say'], args: { data: [text] } })
  line.receive([say('before'), { kind: 'forget', signals: null }, say('after')] as unknown as Parameters<Line['receive']>[0])
  line.receive([say('later')] as unknown as Parameters<Line['receive']>[0])
  const [warning] = await warned as [Error]
  assert.instance(warning, TypeError)
  assert.equal(said, ['before', 'after', 'later'])
})

test('line: a program that has mocked its timers gets its answers', async () => {
  const { setImmediate, queueMicrotask } = globalThis
  await pair({ say: (number: number) => -number, look: (items: readonly number[]) => items }, async ({ ask }) => {
    const items = Array.from({ length: 20_000 }, (_, i) => i)
    Object.assign(globalThis, { setImmediate: () => undefined, queueMicrotask: () => undefined })
    try {
      assert.is((await Promise.all(Array.from({ length: 1000 }, async (_, i) => await ask('say', i)))).length, 1000)
      assert.equal(await ask('look', items), items)
    } finally { Object.assign(globalThis, { setImmediate, queueMicrotask }) }
  })
})

test('line: a list that is longer than anything may be is refused at once', async () => {
  await pair({ look: () => 'looked' }, async ({ ask }) => {
    for (const items of [new Array<number>(4_000_000_000), [new Array<number>(4_000_000_000)], Array.from({ length: 50 }, () => new Array<number>(4_000_000_000))]) assert.match(String(await thrown(ask('look', items))), /more than 4000000 values/)
    assert.is(await ask('look', []), 'looked')
  })
})

test('line: after its end every call fails with the reason', async () => {
  await pair({ never: async () => { await new Promise(() => undefined) } }, async ({ ask, near }) => {
    const over = thrown(ask('never'))
    const reason = new NetwrightError('NETWRIGHT_CLOSED', 'gone')
    near.cut(reason)
    assert.is(await over, reason)
    assert.is(await thrown(ask('never')), reason)
  })
})

test('line: at its end signals are aborted, and an answer that has come is one', async () => {
  let given: AbortSignal | undefined
  await pair({ run: async (work: (given: object) => Promise<unknown>) => await work({ signal: new AbortController().signal }) }, async ({ ask, near }) => {
    const over = thrown(ask('run', async ({ signal }: { readonly signal: AbortSignal }) => { given = signal; await new Promise(() => undefined) }))
    while (given === undefined) await new Promise(setImmediate)
    const reason = new Error('gone')
    near.cut(reason)
    assert.is(await over, reason)
    assert.is(given.reason, reason)
  })
  const near = new Line({}, { declare: () => undefined, obtain: (value) => value }, { post: () => undefined })
  const asked = Array.from({ length: 20_000 }, async (_, i) => await near.call(ROOT, ['say'], [i]))
  near.receive(asked.map((_, i) => ({ kind: 'answer', id: i + 1, value: { data: i } })))
  near.cut(new Error('gone'))
  assert.equal(await Promise.all(asked), asked.map((_, i) => i))
})

test('line: a reason whose class is not what it is called aborts as any other', async () => {
  const reason = new (class DOMException extends Error { readonly code = 20 })('late')
  const root = { wait: async ({ signal }: { readonly signal: AbortSignal }) => { await once(signal, 'abort'); throw signal.reason as Error }, hi: () => 'hi' }
  await pair(root, async ({ ask }) => {
    const enough = new AbortController()
    const over = thrown(ask('wait', { signal: enough.signal }))
    await ask('hi')
    enough.abort(reason)
    assert.is(await over, reason)
  })
})

test('line: long lists arrive whole, in slices, with what is no data in them', async () => {
  const root = { look: (items: readonly { readonly i: number, readonly probe?: () => Promise<unknown> }[]) => [items.length, items[199]?.i, Object.keys(items).length], odd: async (items: readonly (() => Promise<unknown>)[]) => await items[60]?.() }
  await pair(root, async ({ ask }) => {
    const items: ({ readonly i: number } | undefined)[] = Array.from({ length: 200 }, (_, i) => ({ i }))
    assert.equal(await ask('look', items), [200, 199, 200])
    Reflect.deleteProperty(items, 7)
    Reflect.deleteProperty(items, 120)
    assert.equal(await ask('look', items), [200, 199, 198])
    assert.is(await ask('odd', Array.from({ length: 61 }, (_, i) => () => i)), 60)
  })
})

test('line: a signal that is aborted while a long list is packed is aborted over there', async () => {
  await pair({ look: (items: readonly number[], { signal }: { readonly signal: AbortSignal }) => [items.length, signal.aborted, String(signal.reason)] }, async ({ ask }) => {
    const enough = new AbortController()
    const asked = ask('look', Array.from({ length: 100 }, (_, i) => i), { signal: enough.signal })
    enough.abort('enough')
    assert.equal(await asked, [100, true, 'enough'])
  })
})

test.run()
