/** The plan is a pure function: what it says is applied to a model here, written apart from the engine's own. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError } from '../../../src/errors.js'
import { inverse, type Change, type PlannedPort } from '../../../src/engine/change.js'
import { liveDiff } from '../../../src/engine/live.js'
import { plan } from '../../../src/engine/plan.js'
import type { WantedNetwork } from '../../../src/engine/plan-network.js'
import type { NetworkState } from '../../../src/engine/state.js'
import { checkNetwork } from '../../../src/network/check.js'
import { complete } from '../../../src/network/complete.js'
import type { Definition, NetworkInput } from '../../../src/network/spec.js'

const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
function definition (name: string, n: number, more: Partial<NetworkInput> = {}): Definition {
  return complete(checkNetwork({ name, subnet: `10.${String(n)}.0.0/24`, ...more }), { uuid: uuid(n), mac: `52:54:00:00:00:${String(n).padStart(2, '0')}`, bridge: `br${String(n)}` })
}
const tap = (dev: string, more: Partial<PlannedPort> = {}): PlannedPort => ({ kind: 'tap', dev, mac: '52:54:00:00:01:01', queues: 1, vnetHdr: false, ...more })
const red = definition('red', 1)
const state = (name: string, more: Partial<NetworkState> = {}): NetworkState => ({ name, autostart: false, ports: [], ...more })
const planning = { live: liveDiff }
const words = (changes: readonly Change[]): string[] => changes.map(({ what, interrupts }) => interrupts === 'none' ? what : `${what}: ${interrupts}`)

test('plan: what is not there is defined and started, then its ports are attached', async () => {
  const changes = await plan([{ name: 'red', definition: red, autostart: true, ports: [tap('t0')] }], [], { ...planning, source: '/lab' })
  assert.equal(words(changes), [
    'network red is made from /lab', 'port t0 of network red is made from /lab', 'define network red', 'mark network red for autostart', 'start network red', 'attach tap t0 to network red',
  ])
  assert.ok(changes.every(({ reason }) => reason !== ''))
})

test('plan: what is as it should be needs nothing', async () => {
  const have = [state('red', { stored: red, running: red, ports: [tap('t0')] })]
  assert.equal(await plan([{ name: 'red', definition: red, ports: [tap('t0')] }], have, planning), [])
  assert.equal(await plan([{ name: 'red', definition: red, ports: [] }], have, planning), [], 'a port by hand stays')
})

test('plan: a definition that can change while the network runs is changed, with its parts', async () => {
  const wider = definition('red', 1, { mtu: 1400 })
  const [stored, running, ...more] = await plan([{ name: 'red', definition: wider, ports: [] }], [state('red', { stored: red, running: red })], planning)
  assert.equal(more, [])
  assert.is(stored?.reason, 'it differs in mtu')
  assert.equal([running?.what, running?.interrupts, running?.parts?.[0]?.what], ['change network red while it runs', 'blip', 'mtu: 1500 becomes 1400'])
})

test('plan: a definition that cannot change while the network runs is an outage, and the stop comes first', async () => {
  const other = { ...red, bridge: { ...red.bridge, name: 'brx' } }
  const have = [state('red', { stored: red, running: red, ports: [tap('t0')] })]
  assert.equal(words(await plan([{ name: 'red', definition: other, ports: [tap('t0')] }], have, planning)), ['stop network red: outage', 'redefine network red', 'start network red'])
  const transient = [state('red', { running: red, ports: [tap('t0')] })]
  assert.equal(words(await plan([{ name: 'red', definition: other, persistent: false, ports: [tap('t0')] }], transient, planning)), [
    'detach tap t0 from network red: outage', 'stop network red: outage', 'start network red', 'attach tap t0 to network red',
  ], 'nobody could bring the ports of a transient network back')
})

test('plan: removals come last, but before what needs their place', async () => {
  const blue = definition('blue', 2)
  const have = [state('old', { stored: { ...red, name: 'old' }, running: { ...red, name: 'old' }, source: '/lab' }), state('green', { stored: definition('green', 3), source: '/lab' })]
  const changes = await plan([{ name: 'blue', definition: blue, ports: [] }], have, { ...planning, source: '/lab', prune: true })
  assert.equal(words(changes).filter((what) => !what.includes('made from')), ['define network blue', 'start network blue', 'stop network old: outage', 'undefine network old', 'undefine network green'])
  for (const taken of [definition('blue', 1), { ...blue, bridge: { ...blue.bridge, name: 'br1' } }, { ...blue, uuid: red.uuid }]) {
    const first = words(await plan([{ name: 'blue', definition: taken, ports: [] }], have, { ...planning, source: '/lab', prune: true })).filter((what) => !what.includes('made from'))
    assert.equal(first, ['stop network old: outage', 'undefine network old', 'define network blue', 'start network blue', 'undefine network green'])
  }
})

test('plan: prune touches what was made from the same source, and nothing else', async () => {
  const have = ['/lab', '/other', undefined].map((source, i) => state(`n${String(i)}`, { stored: definition(`n${String(i)}`, i + 1), ...source === undefined ? {} : { source } }))
  assert.equal(words(await plan([], have, { ...planning, source: '/lab', prune: true })), ['undefine network n0', 'network n0 is no longer made from /lab'])
  assert.equal(await plan([], have, { ...planning, source: '/lab' }), [])
  const ports = [state('red', { running: red, ports: [{ ...tap('mine'), source: '/lab' }, tap('theirs', { mac: '52:54:00:00:01:02' })] })]
  assert.equal(words(await plan([], ports, { ...planning, source: '/lab', prune: true })), ['detach tap mine from network red: outage', 'port mine of network red is no longer made from /lab'])
})

test('plan: what is made by hand gets no source, what another source made is taken over', async () => {
  const want = [{ name: 'red', definition: red, ports: [] }]
  assert.equal(await plan(want, [state('red', { stored: red, running: red })], { ...planning, source: '/lab' }), [])
  const [change, ...more] = await plan(want, [state('red', { stored: red, running: red, source: '/old' })], { ...planning, source: '/lab' })
  assert.equal(more, [])
  assert.equal([change?.kind, change?.from, change?.to], ['source', '/old', '/lab'])
})

test('plan: two networks cannot have one bridge, one uuid or one port in the end', async () => {
  const refused = async (want: readonly WantedNetwork[], have: readonly NetworkState[], code: string): Promise<void> => {
    try { await plan(want, have, planning) } catch (error) {
      assert.is(error instanceof NetwrightError && error.code, code)
      return
    }
    assert.unreachable()
  }
  const blue = definition('blue', 2)
  await refused([{ name: 'red', definition: red, ports: [] }, { name: 'blue', definition: { ...blue, bridge: red.bridge }, ports: [] }], [], 'NETWRIGHT_NAME_IN_USE')
  await refused([{ name: 'blue', definition: { ...blue, uuid: red.uuid }, ports: [] }], [state('red', { stored: red })], 'NETWRIGHT_EXISTS')
  await refused([{ name: 'blue', definition: blue, ports: [tap('t0')] }], [state('red', { running: red, ports: [tap('t0')] })], 'NETWRIGHT_NAME_IN_USE')
  // Two that swap their bridges are fine: both stop first.
  const swap = [{ name: 'red', definition: { ...red, bridge: blue.bridge }, ports: [] }, { name: 'blue', definition: { ...blue, bridge: red.bridge }, ports: [] }]
  const changes = await plan(swap, [state('red', { stored: red, running: red }), state('blue', { stored: blue, running: blue })], planning)
  assert.equal(words(changes).slice(0, 2), ['stop network red: outage', 'stop network blue: outage'])
})

test('plan: of two that run, that stops first whose subnet the other takes', async () => {
  const [one, two] = [definition('red', 1), definition('blue', 2)]
  const have = [state('red', { stored: one, running: one }), state('blue', { stored: two, running: two })]
  const moved = (of: Definition, to: Definition): Definition => ({ ...of, ip: to.ip })
  const live = async (redIs: Definition, blueIs: Definition, from = have): Promise<string[]> => words(await plan([{ name: 'red', definition: redIs, ports: [] }, { name: 'blue', definition: blueIs, ports: [] }], from, planning)).filter((text) => !text.startsWith('redefine'))
  assert.equal(await live(moved(one, two), moved(two, one)), ['stop network red: outage', 'stop network blue: outage', 'start network red', 'start network blue'])
  assert.equal(await live(moved(one, two), moved(two, definition('x', 3))), ['stop network blue: outage', 'change network red while it runs: outage', 'start network blue'])
  assert.equal(await live(moved(one, definition('x', 3)), moved(two, definition('x', 4))), ['change network red while it runs: outage', 'change network blue while it runs: outage'])
  const transient = [state('red', { running: one }), state('blue', { running: two })]
  assert.ok((await live(moved(one, two), moved(two, one), transient)).every((text) => !text.startsWith('stop')))
})

// A model of a host, in which impossible changes throw.

interface Model { readonly stored: Map<string, Definition>, readonly running: Map<string, Definition>, readonly marks: Set<string>, readonly ports: Map<string, { readonly network: string, readonly port: PlannedPort }>, readonly sources: Map<string, string> }

function modelOf (states: readonly NetworkState[]): Model {
  const model: Model = { stored: new Map(), running: new Map(), marks: new Set(), ports: new Map(), sources: new Map() }
  for (const { name, stored, running, autostart, ports, source } of states) {
    if (stored !== undefined) model.stored.set(name, stored)
    if (running !== undefined) model.running.set(name, running)
    if (autostart) model.marks.add(name)
    if (source !== undefined) model.sources.set(name, source)
    for (const { source: from, ...port } of ports) {
      model.ports.set(port.dev, { network: name, port })
      if (from !== undefined) model.sources.set(`${name}/${port.dev}`, from)
    }
  }
  return model
}

function move<T> (map: Map<string, T>, key: string, from: T | undefined, to: T | undefined): void {
  assert.equal(map.get(key), from, `${key} is not what the plan thinks`)
  if (to === undefined) map.delete(key)
  else map.set(key, to)
}

function perform (model: Model, change: Change): void {
  const { network } = change
  switch (change.kind) {
    case 'stored': move(model.stored, network, change.from, change.to); return
    case 'autostart':
      assert.is(model.marks.has(network), change.from)
      assert.ok(model.stored.has(network), 'only what is stored is marked')
      if (change.to) model.marks.add(network); else model.marks.delete(network)
      return
    case 'running': {
      move(model.running, network, change.from, change.to)
      const { to } = change
      if (to !== undefined) for (const [name, other] of model.running) if (name !== network) assert.ok(other.bridge.name !== to.bridge.name && other.ip[0]?.address !== to.ip[0]?.address, `${network} runs into ${name}`)
      return
    }
    case 'port': {
      const { from, to } = change
      const dev = (from ?? to)?.dev ?? ''
      move(model.ports, dev, from === undefined ? undefined : { network, port: from }, to === undefined ? undefined : { network, port: to })
      if (to !== undefined) assert.ok(model.running.has(network), 'ports are attached to what runs')
      return
    }
    case 'source': {
      const key = change.dev === undefined ? network : `${network}/${change.dev}`
      if (change.to === undefined) model.sources.delete(key); else model.sources.set(key, change.to)
      return
    }
    default: change satisfies never
  }
}

const names = ['a', 'b', 'c', 'd']
const someDefinition = (name: string): fc.Arbitrary<Definition> => fc.record({ n: fc.integer({ min: 1, max: 6 }), bridge: fc.integer({ min: 1, max: 6 }), mtu: fc.constantFrom(1500, 1400, 9000), mode: fc.constantFrom('nat' as const, 'route' as const, 'none' as const) })
  .map(({ n, bridge, mtu, mode }) => ({ ...definition(name, n, { mtu, forward: mode }), uuid: uuid(names.indexOf(name)), bridge: { name: `br${String(bridge)}`, stp: false, delay: 0 } }))
const somePort = (dev: string): fc.Arbitrary<PlannedPort> => fc.record({ mac: fc.constantFrom('52:54:00:00:02:01', '52:54:00:00:02:02'), queues: fc.constantFrom(1, 2), address: fc.constantFrom(undefined, 'auto') })
  .map(({ address, ...rest }) => tap(dev, { ...rest, ...address === undefined ? {} : { address } }))
const source = fc.constantFrom(undefined, '/lab', '/other')
const ports = (name: string): fc.Arbitrary<PlannedPort[]> => fc.subarray(['0', '1', '2']).chain((devs) => fc.tuple(...devs.map((dev) => somePort(`${name}${dev}`))))

const someState = (name: string): fc.Arbitrary<NetworkState> => fc.record({ one: someDefinition(name), other: someDefinition(name), shape: fc.constantFrom('stored', 'running', 'both', 'differ'), marked: fc.boolean(), source, ports: ports(name), from: source }).map(({ one, other, shape, marked, source: origin, ports: these, from }) => ({
  name, autostart: marked && shape !== 'running', ...shape === 'running' ? {} : { stored: one }, ...shape === 'stored' ? {} : { running: shape === 'differ' ? other : one },
  ...origin === undefined ? {} : { source: origin }, ports: shape === 'stored' ? [] : these.map((port) => ({ ...port, ...from === undefined ? {} : { source: from } })),
}))
const someWant = (name: string): fc.Arbitrary<WantedNetwork> => fc.record({ definition: someDefinition(name), kind: fc.constantFrom('both', 'stored', 'transient'), autostart: fc.constantFrom(undefined, true, false), ports: ports(name) }).map(({ definition: wanted, kind, autostart, ports: these }) => ({
  name, definition: wanted, persistent: kind !== 'transient', active: kind !== 'stored', ...autostart === undefined || kind === 'transient' ? {} : { autostart }, ports: kind === 'stored' ? [] : these,
}))
const several = <T>(make: (name: string) => fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.subarray(names).chain((some) => fc.tuple(...some.map(make)))

/** No two of them in each other's way, as on any host. */
const possible = (definitions: readonly (Definition | undefined)[]): boolean => {
  const there = definitions.filter((one) => one !== undefined)
  return new Set(there.map(({ bridge }) => bridge.name)).size === there.length && new Set(there.map(({ ip }) => ip[0]?.address)).size === there.length
}
const isPossible = (states: readonly NetworkState[]): boolean => possible(states.map(({ running }) => running)) && states.every(({ stored, running }) => stored === undefined || running === undefined || isDeepStrictEqual(stored.uuid, running.uuid))

test('plan: made on a model it brings what is wanted, a second one is empty, and the inverse brings everything back', async () => {
  let planned = 0
  await fc.assert(fc.asyncProperty(several(someState), several(someWant), fc.boolean(), async (have, want, prune) => {
    fc.pre(isPossible(have))
    const options = { ...planning, source: '/lab', prune }
    let changes: Change[]
    try { changes = await plan(want, have, options) } catch (error) {
      assert.ok(error instanceof NetwrightError && error.code === 'NETWRIGHT_NAME_IN_USE', String(error))
      return
    }
    const model = modelOf(have)
    const before = modelOf(have)
    // Networks that change while they run may cross each other's subnets: the transaction refuses that, not the plan.
    const end = new Map(have.map(({ name, running }) => [name, running]))
    for (const change of changes) if (change.kind === 'running') end.set(change.network, change.to)
    fc.pre(possible([...end.values()]) && !changes.some(({ kind, from, to }) => kind === 'running' && from !== undefined && to !== undefined && !isDeepStrictEqual(from.ip, to.ip)))
    planned++
    for (const change of changes) perform(model, change)
    for (const { name, definition: wanted, persistent, active, autostart, ports: these } of want) {
      assert.equal(model.stored.get(name), persistent === true ? wanted : undefined)
      assert.equal(model.running.get(name), active === true ? wanted : undefined)
      if (autostart !== undefined) assert.is(model.marks.has(name), autostart)
      for (const port of these) assert.equal(model.ports.get(port.dev), { network: name, port })
    }
    const states = [...new Set([...model.stored.keys(), ...model.running.keys()])].map((name): NetworkState => {
      const [stored, running, origin] = [model.stored.get(name), model.running.get(name), model.sources.get(name)]
      return {
        name, autostart: model.marks.has(name), ...stored === undefined ? {} : { stored }, ...running === undefined ? {} : { running }, ...origin === undefined ? {} : { source: origin },
        ports: [...model.ports.values()].filter(({ network }) => network === name).map(({ port }) => {
          const from = model.sources.get(`${name}/${port.dev}`)
          return { ...port, ...from === undefined ? {} : { source: from } }
        }),
      }
    })
    assert.equal(await plan(want, states, options), [], 'a plan settles')
    for (const change of await inverse(changes)) perform(model, change)
    assert.equal(model, before)
    assert.equal(JSON.parse(JSON.stringify(changes)), changes, 'plain JSON')
  }), { numRuns: 1500 })
  assert.ok(planned > 100, `${String(planned)} plans were possible`)
})

test.run()
