/** An apply that does a bit of everything fails, is aborted and is killed at every step; what stands is compared with what stood. */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../src/engine/api.js'
import { NetwrightError } from '../../src/errors.js'
import { exec } from '../harness/command.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { settle } from '../harness/snapshot.js'
import { same, thrown, withHost } from './bed.js'
import { after, before, source } from './apply-lab.js'
import type { Place } from './operations.js'
import { state } from './state.js'

const child = started(new URL('apply-child.js', import.meta.url))

/** What happens behind the scenes, in no fixed order. */
const BEHIND = new Set(['look at links', 'delete buried links', 'close the grave'])
/** All steps take minutes (all have been tried): so many are left out between two. */
const STRIDE = process.env.NETWRIGHT_EVERY_STEP === undefined ? { fail: 5, kill: 12 } : { fail: 1, kill: 1 }

async function bed ({ ns, tmp }: KernelTest, work: (place: Place) => Promise<void>): Promise<void> {
  const root = join(tmp, 'root')
  await mkdir(root)
  await chmod(root, 0o711)
  const place: Place = { netns: ns.name, guest: (await ns.add()).name, root }
  await withHost(place, {}, async (host) => {
    const hand = await host.define({ name: 'hand', subnet: '10.78.9.0/24', bridge: 'br-hand', dns: { enable: false } })
    await hand.start()
    await host.apply(before(place), { source })
  })
  await work(place)
  await withHost(place, {}, async (host) => { await host.apply({ networks: [...before(place).networks, ...after(place).networks, { name: 'hand' }].filter(({ name }, i, all) => all.findIndex((one) => one.name === name) === i) }, { remove: true }) })
}

const change = async (host: Host, place: Place, signal?: AbortSignal): Promise<void> => {
  try { await host.apply(after(place), { source, prune: true, ...signal === undefined ? {} : { signal } }) } finally { await host.settled() }
}
const back = async (host: Host, place: Place): Promise<void> => {
  await host.apply(before(place), { source, prune: true })
  await host.settled()
}

kernelTest(test, 'apply: fails at every step, and everything is put back', async (context) => {
  await bed(context, async (place) => {
    const stood = await state(place)
    const steps: string[] = []
    await withHost(place, { hook: (step) => { if (!BEHIND.has(step)) steps.push(step) } }, async (host) => { await change(host, place) })
    await withHost(place, {}, async (host) => { await back(host, place) })
    same('what stands after the way back', await settle(stood, async () => await state(place)))
    console.log(`apply: ${String(steps.length)} steps: ${steps.join(', ')}`)
    for (const [at, name] of steps.entries()) {
      if (at % STRIDE.fail !== 3 % STRIDE.fail && at !== steps.length - 1) continue
      const stop = new AbortController()
      const how = at % 2 === 0 ? 'abort' : 'fail'
      let count = 0
      const hook = (step: string): void => {
        if (BEHIND.has(step) || count++ !== at) return
        if (how === 'abort') stop.abort(new Error(name))
        else throw new Error(name)
      }
      const where = `${how} at step ${String(at)}, ${name}`
      await withHost(place, { hook }, async (host) => {
        let outcome: unknown
        try { await change(host, place, stop.signal) } catch (error) { outcome = error }
        if (how === 'abort' && outcome === undefined) { await back(host, place); return } // past the last moment at which a signal is heeded
        const said = how === 'abort' ? 'abort' : name
        assert.ok(String(outcome).includes(said), `${where}: ${String(outcome)}`)
      })
      same(where, await settle(stood, async () => await state(place)))
    }
  })
}, { needs: ['dnsmasq', 'nft', 'tun'] })

kernelTest(test, 'apply: is killed at every step, and the next apply finishes it', async (context) => {
  await bed(context, async (place) => {
    const steps: string[] = []
    await withHost(place, { hook: (step) => { if (!BEHIND.has(step)) steps.push(step) } }, async (host) => { await change(host, place) })
    const wanted = await state(place)
    await withHost(place, {}, async (host) => { await back(host, place) })
    const stood = await state(place)
    for (let at = 1; at <= steps.length; at += STRIDE.kill) {
      const where = `killed at step ${String(at)}, ${steps[at - 1] ?? '?'}`
      const { code, stderr } = await exec(process.execPath, [child, JSON.stringify({ ...place, step: at })], { env: { NODE_V8_COVERAGE: '' } })
      assert.is(code, -1, `${where}: ${stderr}`)
      try { await withHost(place, {}, async (host) => { await change(host, place) }) } catch (error) { throw new Error(`${where}: ${String(error)}`, { cause: error }) }
      same(where, await settle(wanted, async () => await state(place)))
      await withHost(place, {}, async (host) => { await back(host, place) })
      same(`${where}, and back`, await settle(stood, async () => await state(place)))
    }
  })
}, { needs: ['dnsmasq', 'nft', 'tun'] })

kernelTest(test, 'apply: what ran comes back as it ran, although another definition was stored', async ({ ns, tmp }) => {
  const place = { netns: ns.name, guest: ns.name, root: tmp }
  const file = (bridge: string, mtu: number): object => ({ name: 'red', subnet: '10.78.1.0/24', bridge, mtu, dns: { enable: false }, ports: [{ kind: 'tap', dev: 'red0' }] })
  await withHost(place, {}, async (host) => {
    await host.apply(file('br-a', 1500))
    await host.define({ name: 'red', subnet: '10.78.1.0/24', bridge: 'br-a', mtu: 1400, dns: { enable: false } })
  })
  let seen = 0
  await withHost(place, { hook: (step) => { if (step === 'let the record stand' && ++seen === 1) throw new Error(step) } }, async (host) => {
    assert.match(String(await thrown(async () => await host.apply(file('br-b', 1300)))), /let the record stand/)
    const red = await host.network('red')
    assert.equal([(await red.spec()).mtu, (await red.spec({ inactive: true })).mtu], [1500, 1400])
    const [link] = await ns.json<{ readonly mtu: number, readonly master: string }[]>('ip', ['-j', 'link', 'show', 'dev', 'red0'])
    assert.equal([link?.mtu, link?.master], [1500, 'br-a'])
    await host.apply({ name: 'red' }, { remove: true })
  })
}, { needs: ['nft', 'tun'] })

kernelTest(test, 'apply: what its undo cannot put back is named', async (context) => {
  await bed(context, async (place) => {
    let failed = false
    const hook = (step: string): void => {
      if (step === 'let the record stand') failed = true
      if (failed && /mark for autostart|let the record stand|write the definition/.test(step)) throw new Error(step)
    }
    await withHost(place, { hook }, async (host) => {
      const error = await thrown(async () => await change(host, place))
      assert.ok(error instanceof NetwrightError && error.code === 'NETWRIGHT_UNDO_INCOMPLETE', String(error))
      assert.match(error.left?.join(', ') ?? '', /redefine network keep/)
      assert.match(error.message, /^apply: .*let the record stand/)
    })
    await withHost(place, {}, async (host) => { await back(host, place) })
  })
}, { needs: ['dnsmasq', 'nft', 'tun'] })

test.run()
