/** A plan with what it rests on, and how one is made; and how one that was kept as JSON is taken back. */
import * as v from 'valibot'
import { InputError, NetwrightError, type Issue } from '../errors.js'
import { checkNetwork } from '../network/check.js'
import { shown } from '../network/checks/review.js'
import { reportShape } from '../network/checks/shape.js'
import { isDefinition } from '../network/complete.js'
import type { Definition } from '../network/spec.js'
import { pacer } from '../netlink/breathe.js'
import { inverse, type Change } from './change.js'
import type { Context } from './context.js'
import type { CheckedDesired } from './desired.js'
import { fingerprint, have, type About } from './have.js'
import { liveDiff } from './live.js'
import { plan } from './plan.js'
import type { Plan, PlanOptions } from './plan-api.js'
import { unwanted, wanted } from './want.js'

/** Plans that were made here need no check. */
const made = new WeakSet<object>()

/** Compares what is wanted with what is there. Throws the errors of `plan` and `wanted`, and NETWRIGHT_INVALID for options that make no sense. */
export async function makePlan (context: Context, desired: CheckedDesired, options: PlanOptions = {}): Promise<Plan> {
  const { source, prune = false, remove = false } = checkedOptions(options)
  const named = source === undefined ? {} : { source }
  const networks = [...new Set([...desired.networks.map(({ spec }) => spec.name), ...desired.ports.map(({ network }) => network)])]
  const about = aboutOf({ networks, prune, ...named })
  const states = await have(context, about)
  const want = remove ? unwanted(desired, states) : await wanted(context, desired, states)
  const changes = await plan(want, states, { live: liveDiff, ...named, prune, remove })
  const result: Plan = { version: 1, owner: context.owner, ...named, prune, networks, fingerprint: await fingerprint(states, about), changes, inverse: await inverse(changes) }
  made.add(result)
  return result
}

/** What a plan rests on. */
export function aboutOf ({ networks, prune, source }: Pick<Plan, 'networks' | 'prune' | 'source'>): About {
  return { names: new Set(networks), source: prune ? source : undefined }
}

/** Programs without types pass anything. */
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** The options, if they make sense. Throws InputError. */
export function checkedOptions (options: PlanOptions): PlanOptions {
  if (!isObject(options)) throw new InputError([{ path: 'options', message: 'expected an object' }])
  const issues = []
  const { source, prune, remove } = options
  if (source !== undefined && (typeof source !== 'string' || source === '' || source.length > 4096 || source.search(/\p{Cc}/u) >= 0)) issues.push({ path: 'source', message: 'not a text of 1 to 4096 characters' })
  for (const [path, value] of [['prune', prune], ['remove', remove]] as const) if (value !== undefined && typeof value !== 'boolean') issues.push({ path, message: 'expected true or false' })
  if (prune === true && source === undefined) issues.push({ path: 'prune', message: 'needs a source: only what was made from the same one is removed' })
  if (prune === true && remove === true) issues.push({ path: 'prune', message: 'prune and remove exclude each other' })
  if (issues.length > 0) throw new InputError(issues)
  return options
}

const definition = v.custom<Definition>((value) => typeof value === 'object' && value !== null)
const text = v.string()
const interrupts = v.picklist(['none', 'blip', 'outage'])
const port = v.strictObject({
  kind: v.picklist(['tap', 'veth']), dev: text, mac: text, address: v.exactOptional(text), hostname: v.exactOptional(text), queues: v.exactOptional(v.number()), vnetHdr: v.exactOptional(v.boolean()),
  owner: v.exactOptional(v.number()), group: v.exactOptional(v.number()), netns: v.exactOptional(text), peer: v.exactOptional(text), defaultRoute: v.exactOptional(v.boolean()),
})
const consequence = { what: text, reason: text, interrupts }
const common = { ...consequence, network: text, parts: v.exactOptional(v.array(v.strictObject(consequence))) }
const written = v.variant('kind', [
  v.strictObject({ kind: v.literal('stored'), ...common, from: v.exactOptional(definition), to: v.exactOptional(definition) }),
  v.strictObject({ kind: v.literal('running'), ...common, from: v.exactOptional(definition), to: v.exactOptional(definition) }),
  v.strictObject({ kind: v.literal('autostart'), ...common, from: v.boolean(), to: v.boolean() }),
  v.strictObject({ kind: v.literal('port'), ...common, from: v.exactOptional(port), to: v.exactOptional(port) }),
  v.strictObject({ kind: v.literal('source'), ...common, dev: v.exactOptional(text), from: v.exactOptional(text), to: v.exactOptional(text) }),
])
const frame = v.strictObject({
  version: v.literal(1), owner: text, source: v.exactOptional(text), prune: v.boolean(), networks: v.array(text), fingerprint: v.pipe(text, v.regex(/^[0-9a-f]{64}$/)),
  changes: v.array(written), inverse: v.array(v.unknown()),
})

/** Whether it was made here, so that its changes start from what its fingerprint says. */
export function isMade (value: Plan): boolean { return made.has(value) }

/** Whether it is meant as a plan. */
export function isPlan (value: unknown): value is Plan { return typeof value === 'object' && value !== null && 'fingerprint' in value && 'changes' in value }

/** A plan of ours as it is; one that comes from somewhere else is checked, definitions and all, and its way back is made anew. Throws NETWRIGHT_INVALID. */
export async function takePlan (value: Plan, owner: string): Promise<Plan> {
  const plan = made.has(value) ? value : await readPlan(value)
  if (plan.owner !== owner) throw new NetwrightError('NETWRIGHT_INVALID', `the plan is for owner ${plan.owner}, not ${owner}`)
  return plan
}

async function readPlan (value: unknown): Promise<Plan> {
  const parsed = v.safeParse(frame, value)
  if (!parsed.success) {
    const issues: { path: string, message: string }[] = []
    reportShape(parsed.issues, '', false, (path, message) => { issues.push({ path, message }) })
    throw new InputError(issues)
  }
  const pace = pacer()
  const changes: Change[] = []
  for (const [i, one] of parsed.output.changes.entries()) {
    refuse(misfit(one, parsed.output).map((message) => ({ path: `changes[${String(i)}]`, message })))
    changes.push(one.kind === 'stored' || one.kind === 'running' ? { ...one, ...checkedSide(one.from, 'from', i), ...checkedSide(one.to, 'to', i) } : one)
    await pace()
  }
  return { ...parsed.output, changes, inverse: await inverse(changes) }
}

function refuse (issues: readonly Issue[]): void { if (issues.length > 0) throw new InputError(issues) }

/** What is wrong with a change that somebody else has written. */
function misfit (change: v.InferOutput<typeof written>, { networks, prune }: Pick<Plan, 'networks' | 'prune'>): string[] {
  const { kind, network, from, to } = change
  if (from === undefined && to === undefined) return ['it changes nothing: neither from nor to is there']
  const named = kind === 'stored' || kind === 'running' ? [from?.name, to?.name] : []
  const other = named.find((name) => name !== undefined && name !== network)
  if (other !== undefined) return [`it is about network ${shown(network)}, and its definition about ${shown(other)}`]
  return prune || networks.includes(network) ? [] : [`network ${shown(network)} is none of those that the plan rests on`]
}

function checkedSide<K extends 'from' | 'to'> (given: Definition | undefined, key: K, i: number): { readonly [key in K]?: Definition } {
  if (given === undefined) return {}
  const spec = checkNetwork(given)
  if (!isDefinition(spec)) throw new InputError([{ path: `changes[${String(i)}].${key}`, message: 'uuid, mac and bridge name are chosen in a plan' }])
  const side: { [key in K]?: Definition } = {}
  side[key] = spec
  return side
}
