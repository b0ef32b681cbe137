/**
 * Carries a plan out, all of it or nothing: definitions are written, what runs is changed in one transaction, and what goes, goes last (but for what is
 * in the way). After a failure everything that was done is undone, and what could not be is named.
 */
import { isDeepStrictEqual } from 'node:util'
import { InputError, NetwrightError } from '../errors.js'
import { inverse, type Change } from './change.js'
import { locked, owned, type Context } from './context.js'
import { forget } from './define.js'
import { pacer } from '../netlink/breathe.js'
import { desiredOf, isOpen, type CheckedDesired } from './desired.js'
import { fingerprint, have } from './have.js'
import { writeOrigins } from './origins.js'
import type { ApplyOptions, Plan, Progress } from './plan-api.js'
import { aboutOf, checkedOptions, isMade, isPlan, makePlan, takePlan } from './planned.js'
import { workOf } from './plan-work.js'
import { recover, type Means } from './recovery.js'
import { after, Model, type NetworkState } from './state.js'
import { otherDefinitions } from './store.js'
import { steps, stopIfAborted, type Steps } from './steps.js'
import type { Left } from './teardown.js'
import { Telling } from './telling.js'
import { transact } from './transact.js'
import { failure } from './undo.js'
import type { Works } from './works.js'

/** How often a wish is planned again when somebody changes the host at the same moment. */
const ATTEMPTS = 5

/** Applies a plan, or plans what is desired and applies that; resolves with the plan that was carried out. Errors as `apply` and `makePlan`. */
export async function applied (input: Plan | Parameters<typeof desiredOf>[0], works: Works, options: ApplyOptions = {}): Promise<Plan> {
  const { context, daemons, refresh } = works
  checkedOptions(options)
  if (options.progress !== undefined && typeof options.progress !== 'function') throw new InputError([{ path: 'progress', message: 'expected a function' }])
  const carry = async (plan: Plan): Promise<Plan> => {
    try { await apply(plan, { context, daemons }, options) } finally { if (plan.changes.length > 0) await refresh() }
    return plan
  }
  if (isPlan(input)) return await carry(await takePlan(input, context.owner))
  const desired = await desiredOf(input)
  for (let attempt = 1; ; attempt++) {
    try { return await carry(await makePlan(context, desired, options)) } catch (error) {
      if (attempt >= ATTEMPTS || !isOvertaken(error, desired)) throw error
    }
  }
}

/** Somebody has changed the host since the plan was made, or has taken a bridge's name or a subnet that chance had chosen: another plan may do. */
function isOvertaken (error: unknown, { networks }: CheckedDesired): boolean {
  if (!(error instanceof NetwrightError)) return false
  if (error.code === 'NETWRIGHT_STALE_PLAN') return true
  const one = networks.find(({ spec }) => spec.name === error.network)
  if (one === undefined) return false
  // Stopped or started by somebody since the plan was checked.
  if (error.code === 'NETWRIGHT_INACTIVE' || error.code === 'NETWRIGHT_ACTIVE') return true
  if (!isOpen(one)) return false
  return error.code === 'NETWRIGHT_NAME_IN_USE' || (error.code === 'NETWRIGHT_SUBNET_IN_USE' && one.spec.auto !== undefined)
}

/**
 * Does what a plan says. Throws NETWRIGHT_STALE_PLAN where a network that it rests on has changed since, and then has done nothing; the errors of
 * what it does, and then everything is as before; NETWRIGHT_UNDO_INCOMPLETE, naming what is not as before, where that fails too.
 */
async function apply (plan: Plan, means: Means, { signal, progress }: Pick<ApplyOptions, 'signal' | 'progress'>): Promise<void> {
  const { context } = means
  stopIfAborted(signal, 'apply')
  if (plan.changes.length === 0) { await fresh(plan, await have(context, aboutOf(plan))); return }
  await owned(context, 'apply', signal, async () => {
    const before = await have(context, aboutOf(plan))
    await fresh(plan, before)
    await freeBridges(context, plan.changes)
    const application = new Application(means, before, signal)
    const telling = new Telling(progress)
    try {
      const end = await after(before, plan.changes)
      await application.origins(end, before)
      await application.carryOut(plan.changes, telling)
      await telling.heard()
      await application.origins(end)
    } catch (error) { throw failure('apply', error, await application.putBack()) }
    telling.tell({ done: plan.changes.length, total: plan.changes.length })
    await telling.heard()
  })
}

/** Throws NETWRIGHT_STALE_PLAN. */
async function fresh (plan: Plan, states: readonly NetworkState[]): Promise<void> {
  const same = await fingerprint(states, aboutOf(plan)) === plan.fingerprint
  if (same && isMade(plan)) return
  const model = new Model(states)
  const names = new Set<string>()
  const pace = pacer()
  for (const change of plan.changes) {
    if (!fits(change, model)) names.add(change.network)
    model.perform(change)
    await pace()
  }
  if (same && names.size === 0) return
  throw new NetwrightError('NETWRIGHT_STALE_PLAN', `the host has changed since the plan was made${names.size === 0 ? '' : `: network ${[...names].slice(0, 5).join(', ')}`}`, { remedy: 'plan again' })
}

type Stage = 'origin' | 'disk' | 'make' | 'remove'

/** `source` changes are written down as a whole, before and after everything else. */
function stageOf ({ kind, to }: Change): Stage {
  if (kind === 'source') return 'origin'
  if (kind === 'stored' || kind === 'autostart') return 'disk'
  return to === undefined ? 'remove' : 'make'
}

/** Neighbours of one stage are done together. */
function stagesOf (changes: readonly Change[]): { readonly stage: Stage, readonly changes: readonly Change[] }[] {
  const stages: { stage: Stage, changes: Change[] }[] = []
  for (const change of changes) {
    const stage = stageOf(change)
    const last = stages.at(-1)
    if (last?.stage === stage) last.changes.push(change)
    else stages.push({ stage, changes: [change] })
  }
  return stages
}

class Application {
  readonly #means: Means
  readonly #before: readonly NetworkState[]
  readonly #signal: AbortSignal | undefined
  readonly #step: Steps
  /** What stands, if all went as it should. */
  readonly #model: Model
  /** What was at least begun. */
  readonly #begun: Change[] = []

  constructor (means: Means, before: readonly NetworkState[], signal?: AbortSignal) {
    this.#means = means
    this.#before = before
    this.#model = new Model(before)
    this.#signal = signal
    this.#step = steps(means.context.hook, signal)
  }

  /** First of what is to come together with what is there: an entry too many names nothing, one too few would be forgotten by whoever goes on after a kill. */
  async origins (states: readonly NetworkState[], more: readonly NetworkState[] = []): Promise<void> {
    await this.#step.before('write down the sources')
    await writeOrigins(this.#means.context, [...states, ...more])
  }

  async carryOut (changes: readonly Change[], telling: Telling<Progress>): Promise<void> {
    let done = 0
    for (const { stage, changes: some } of stagesOf(changes)) {
      for (const group of stage === 'disk' ? some.map((change) => [change]) : [some]) {
        const [change] = group
        if (change !== undefined && stage !== 'origin') telling.tell({ done, total: changes.length, change })
        stopIfAborted(this.#signal, 'apply')
        this.#begun.push(...group)
        await this.#perform(stage, group)
        for (const one of group) this.#model.perform(one)
        done += group.length
      }
    }
  }

  async #perform (stage: Stage, changes: readonly Change[]): Promise<void> {
    if (stage === 'disk') for (const change of changes) await this.#write(change)
    else if (stage !== 'origin') await this.#live(changes)
  }

  async #write (change: Change): Promise<void> {
    const { context } = this.#means
    const { network: name } = change
    if (change.kind === 'autostart') {
      await this.#step.before('mark for autostart')
      await context.store.setAutostart(name, change.to)
    } else if (change.kind === 'stored') {
      const { to } = change
      if (to === undefined) { await locked(context, `undefine ${name}`, this.#signal, async () => { await forget(name, this.#means, this.#step) }); return }
      await this.#step.before('write the definition')
      await context.store.save(to)
    }
  }

  /** A stored network is started from what is stored, which is another one only on the way back. */
  async #live (changes: readonly Change[]): Promise<void> {
    const { context } = this.#means
    const others = changes.flatMap((change) => {
      const now = change.kind === 'running' && change.from === undefined ? this.#model.state(change.network).stored : undefined
      return change.kind === 'running' && change.to !== undefined && now !== undefined && !isDeepStrictEqual(now, change.to) ? [{ now, then: change.to }] : []
    })
    for (const { then } of others) await context.store.save(then)
    try {
      await transact(workOf(changes, this.#model), { ...this.#means, signal: this.#signal })
    } finally { for (const { now } of others) await context.store.save(now) }
  }

  /** Undoes whatever was begun, as far as it was done. Returns what is not as before. */
  async putBack (): Promise<readonly Left[]> {
    const { context } = this.#means
    const left: Left[] = []
    const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
      try { await work() } catch (error) {
        left.push({ what, error })
        context.logger.error({ err: error, what }, `${what}: could not be undone`)
      }
    }
    // A removal that failed half-way is finished first: what it names cannot be kept any more, only made again.
    await attempt('what was half removed', async () => { await locked(context, 'apply', undefined, async () => { await recover(this.#means) }) })
    let now: readonly NetworkState[] = []
    await attempt('what stands', async () => { now = await have(context) })
    const model = new Model(now)
    const todo: Change[] = []
    for (const change of await inverse(this.#begun)) {
      if (!fits(change, model)) continue
      todo.push(change)
      model.perform(change)
    }
    const way = new Application(this.#means, now)
    for (const { stage, changes } of stagesOf(todo)) {
      for (const group of stage === 'disk' ? changes.map((change) => [change]) : [changes]) {
        await attempt(group.map(({ what }) => what).join(', '), async () => { await way.#perform(stage, group) })
        for (const change of group) way.#model.perform(change)
      }
    }
    await attempt('the record of sources', async () => { await writeOrigins(context, this.#before) })
    return left
  }
}

/** Whether a change starts from what there is. */
function fits (change: Change, model: Model): boolean {
  const state = model.state(change.network)
  switch (change.kind) {
    case 'stored': return isDeepStrictEqual(state.stored, change.from)
    case 'running': return isDeepStrictEqual(state.running, change.from)
    case 'autostart': return state.autostart === change.from
    case 'port': {
      const { from, to } = change
      const there = state.ports.find(({ dev }) => dev === (from ?? to)?.dev)
      return from === undefined ? there === undefined : there?.mac === from.mac
    }
    case 'source': return true
    default: return change satisfies never
  }
}

/** The definitions of other owners below the same root keep their bridges. */
async function freeBridges ({ places, logger }: Context, changes: readonly Change[]): Promise<void> {
  const fresh = new Map(changes.flatMap((change) => change.kind === 'stored' && change.to !== undefined && change.to.bridge.name !== change.from?.bridge.name ? [[change.to.bridge.name, change.network] as const] : []))
  if (fresh.size === 0) return
  for (const { name, bridge } of await otherDefinitions(places.owners, places.networks, places.system, logger)) {
    const network = fresh.get(bridge.name)
    if (network !== undefined) throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `network ${network}: bridge name '${bridge.name}' already in use.`, { conflict: { kind: 'network', name }, remedy: 'leave the bridge name out and one is chosen' })
  }
}
