/**
 * A daemon that changes its networks at random: `node owner-worker.js '{"owner":…}'`. Prints one JSON line when its operations are done and
 * everything was as it left it after each; then waits for the file `go`, looks once more, takes all away, and ends.
 * With `rivals`, others of the same owner change the same networks, so errors of these kinds are no failures and nothing is known beforehand.
 */
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { openHost } from '../../src/engine/host.js'
import type { Host } from '../../src/engine/api.js'
import { NetwrightError } from '../../src/errors.js'

export interface Work { readonly netns: string, readonly root: string, readonly owner: string, readonly seed: number, readonly count: number, readonly rivals?: boolean, readonly go: string }
/** What it found: networks that run and their bridges, and how often which error came. */
export interface Found { readonly bridges: Readonly<Record<string, string>>, readonly errors: Readonly<Record<string, number>>, readonly done: Readonly<Record<string, number>> }

/** mulberry32: small, and the same everywhere. */
export function random (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const allowed = new Set(['NETWRIGHT_ACTIVE', 'NETWRIGHT_INACTIVE', 'NETWRIGHT_NOT_FOUND', 'NETWRIGHT_EXISTS', 'NETWRIGHT_TRANSIENT', 'NETWRIGHT_NAME_IN_USE'])

interface Own { readonly bridge: string | undefined, readonly stored: boolean, readonly ports: readonly string[] }

class Daemon {
  readonly #host: Host
  readonly #work: Work
  readonly #own = new Map<string, Own>()
  readonly errors: Record<string, number> = {}
  readonly done: Record<string, number> = {}

  constructor (host: Host, work: Work) { this.#host = host; this.#work = work }

  get bridges (): Record<string, string> { return Object.fromEntries([...this.#own].flatMap(([name, { bridge }]) => bridge === undefined ? [] : [[name, bridge]])) }

  /** One in eight has a dnsmasq. */
  async step (next: () => number): Promise<void> {
    const name = `${this.#work.rivals === true ? 'shared' : this.#work.owner}-${String(Math.floor(next() * 5))}`
    const dice = next()
    const dns = next() < 0.125 ? {} : { dns: { enable: false } }
    const common = { name, forward: { mode: next() < 0.5 ? 'nat' as const : 'route' as const }, dhcp: dns.dns === undefined, ...dns }
    const own = this.#own.get(name)
    const verbs = this.#work.rivals === true ? ['create', 'define', 'start', 'stop', 'destroy', 'undefine', 'attach', 'list'] as const
      : own === undefined ? ['create', 'define'] as const
      : own.bridge === undefined ? ['start', 'start', 'undefine', 'define'] as const
      : ['stop', 'destroy', 'attach', 'attach', 'detach', 'list', 'list'] as const
    const verb = verbs[Math.floor(dice * verbs.length)] ?? 'list'
    // What is chosen for a stored definition is kept for life, but whoever has another root cannot see it while it does not run.
    const spec = verb === 'create' || this.#work.rivals === true ? { ...common, subnet: 'auto/28' } : { ...common, subnet: `10.${this.#work.owner === 'alpha' ? '97' : '98'}.${name.slice(-1)}.0/24`, bridge: `br-${name}` }
    try { await this.#perform(verb, name, spec) } catch (error) {
      if (this.#work.rivals !== true || !(error instanceof NetwrightError) || !allowed.has(error.code)) throw new Error(`${verb} ${name}: ${String(error)}`, { cause: error })
      this.errors[error.code] = (this.errors[error.code] ?? 0) + 1
    }
    this.done[verb] = (this.done[verb] ?? 0) + 1
  }

  async #perform (verb: string, name: string, spec: Parameters<Host['define']>[0]): Promise<void> {
    const host = this.#host
    const own = this.#own.get(name) ?? { bridge: undefined, stored: false, ports: [] }
    if (verb === 'list') { await this.look(); return }
    if (verb === 'create') this.#own.set(name, { ...own, bridge: (await (await host.create(spec)).info()).bridge })
    else if (verb === 'define') { await host.define(spec); this.#own.set(name, { ...own, stored: true }) }
    else await this.#change(verb, name, own)
  }

  async #change (verb: string, name: string, own: Own): Promise<void> {
    const net = await this.#host.network(name)
    if (verb === 'start') this.#own.set(name, { ...own, bridge: (await net.start()).bridge })
    if (verb === 'attach') this.#own.set(name, { ...own, ports: [...own.ports, (await net.attach({ kind: 'tap', fds: false, address: 'auto' })).dev] })
    if (verb === 'detach' && own.ports[0] !== undefined) { await net.detach(own.ports[0]); this.#own.set(name, { ...own, ports: own.ports.slice(1) }) }
    if (verb === 'undefine') { await net.undefine(); this.#own.delete(name) }
    if (verb === 'stop' || verb === 'destroy') {
      await (verb === 'stop' ? net.stop() : net.destroy())
      if (own.stored) this.#own.set(name, { stored: true, bridge: undefined, ports: verb === 'stop' ? own.ports : [] })
      else this.#own.delete(name)
    }
  }

  /** What is listed is what we made: networks, bridges and ports. */
  async look (): Promise<void> {
    if (this.#work.rivals === true) { await this.#host.networks(); return }
    const listed = await this.#host.networks()
    const is = Object.fromEntries(listed.map(({ name, active, bridge, persistent, ports, state }) => [name, `${active ? bridge : '-'} ${String(persistent)} ${String(ports)} ${state === 'degraded' ? state : ''}`]))
    const ought = Object.fromEntries([...this.#own].sort(([a], [b]) => a < b ? -1 : 1).map(([name, { bridge = '-', stored, ports }]) => [name, `${bridge} ${String(stored)} ${String(ports.length)} `]))
    if (JSON.stringify(is) !== JSON.stringify(ought)) throw new Error(`listed is ${JSON.stringify(is)}, made was ${JSON.stringify(ought)}`)
    for (const [name, { bridge, ports }] of this.#own) {
      if (bridge === undefined) continue
      const [found] = await this.#host.links.bridges(bridge)
      if (found?.network !== name || found.ports.join() !== [...ports].sort().join()) throw new Error(`bridge ${bridge} of ${name} has ${JSON.stringify(found)}, ports were ${ports.join()}`)
    }
  }

  async end (): Promise<void> {
    for (const [name, { bridge, stored, ports }] of this.#own) {
      const net = await this.#host.network(name)
      if (bridge !== undefined) await net.destroy()
      else for (const port of ports) await net.detach(port)
      if (stored) await net.undefine()
    }
  }
}

async function main (work: Work): Promise<void> {
  const host = await openHost(work)
  try {
    const daemon = new Daemon(host, work)
    const next = random(work.seed)
    for (let count = 0; count < work.count; count++) await daemon.step(next)
    await daemon.look()
    const found: Found = { bridges: daemon.bridges, errors: daemon.errors, done: daemon.done }
    console.log(JSON.stringify(found))
    while (!existsSync(work.go)) await pause(20)
    await daemon.look()
    if (work.rivals !== true) await daemon.end()
  } finally {
    await host.close()
  }
}

const [, , order] = process.argv
if (order !== undefined) await main(JSON.parse(order) as Work)
