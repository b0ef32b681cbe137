/** Forwarded ports of one network, added and removed live, in the stored definition, or in both as one. */
import { InputError, NetwrightError } from '../errors.js'
import { checkNetwork } from '../network/check.js'
import { readForward } from '../network/checks/forwards.js'
import { forwardWords, guestWords, hostWords, readHostSide } from '../network/forward-words.js'
import { guestOf } from '../network/forwarded.js'
import { plainCopy } from '../network/plain.js'
import type { Definition, Forwarded, ForwardInput, ForwardSpec } from '../network/spec.js'
import type { ForwardInfo, Forwards, Options, Scope } from './api.js'
import { Choice } from './choose.js'
import { locked, owned } from './context.js'
import { find, type Entry } from './inventory.js'
import { guestsOf } from './named-guests.js'
import { steps } from './steps.js'
import { transact } from './transact.js'
import { failure } from './undo.js'
import type { Works } from './works.js'

/** The two copies of a definition that an operation is about. */
interface Sides { readonly live: Definition | undefined, readonly config: Definition | undefined }

/** Which of them is meant: both that are there, unless said. Throws NETWRIGHT_INACTIVE, NETWRIGHT_TRANSIENT. */
function sidesOf ({ name, stored, running }: Entry, { live, config }: Scope): Sides {
  const chosen = live === true || config === true
  if (live === true && running === undefined) throw new NetwrightError('NETWRIGHT_INACTIVE', `network '${name}' is not active`, { network: name, remedy: `netwright net-start ${name}` })
  if (config === true && stored === undefined) throw new NetwrightError('NETWRIGHT_TRANSIENT', `network '${name}' is transient: it has no stored definition`, { network: name, remedy: 'change what runs only: --live' })
  return { live: chosen && live !== true ? undefined : running?.definition, config: chosen && config !== true ? undefined : stored }
}

type Change = (definition: Definition) => readonly (ForwardInput | ForwardSpec)[] | undefined

/** `host.network(…).forwards`. */
export function forwardsOf (works: Works, name: string): Forwards {
  const entry = async (): Promise<Entry> => await find(works.context, name)
  const during = async <T>(work: () => Promise<T>): Promise<T> => await works.during(work, { operation: 'update', names: () => [name] })
  return {
    list: async () => await works.during(async () => listed(await entry())),
    add: async (forward, options = {}) => await during(async () => await add(works, name, forward, options)),
    remove: async (forward, options = {}) => await during(async () => await remove(works, name, forward, options)),
  }
}

function listed ({ stored, running, ports }: Entry): ForwardInfo[] {
  const guests = guestsOf(ports)
  const found = new Map<string, ForwardInfo>()
  for (const [side, definition] of [['live', running?.definition], ['config', stored]] as const) for (const forward of definition?.forwards ?? []) {
    const words = forwardWords(forward)
    const to = guestOf(forward, guests)
    found.set(words, { ...forward, ...to === undefined ? {} : { to }, live: false, config: false, ...found.get(words), [side]: true })
  }
  return [...found.values()]
}

async function add (works: Works, name: string, forward: ForwardInput, options: Options & Scope): Promise<ForwardInfo> {
  const wanted = readForward(plainCopy(forward))
  const has = (definition: Definition): boolean => wanted !== undefined && wanted.port !== 'auto' && definition.forwards?.some((one) => forwardWords(one) === forwardWords(wanted)) === true
  let chosen: Forwarded | undefined
  await change(works, name, options, (sides) => {
    const given = [sides.live, sides.config].filter((one) => one !== undefined)
    if (given.every(has)) throw new NetwrightError('NETWRIGHT_EXISTS', `network ${name} forwards ${wanted === undefined ? 'it' : forwardWords(wanted)} already`, { network: name })
    return (definition) => has(definition) ? undefined : [...definition.forwards ?? [], chosen ?? forward]
  }, (definition) => { chosen = definition.forwards?.at(-1) })
  const info = listed(await find(works.context, name)).find((one) => chosen !== undefined && forwardWords(one) === forwardWords(chosen))
  if (info === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${name} has changed meanwhile`)
  return info
}

async function remove (works: Works, name: string, forward: ForwardInput, options: Options & Scope): Promise<void> {
  const is = matcher(forward)
  const named = options.live === true || options.config === true
  await change(works, name, options, (sides) => {
    const given = [sides.live, sides.config].filter((one) => one !== undefined)
    const without = given.filter(({ forwards = [] }) => !forwards.some(is))
    if (without.length === given.length || (named && without.length > 0)) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${name} does not forward ${said(forward)}`, { network: name, remedy: `netwright forward list ${name}` })
    return ({ forwards = [] }) => forwards.some(is) ? forwards.filter((one) => !is(one)) : undefined
  })
}

const said = (forward: unknown): string => typeof forward === 'string' ? forward : JSON.stringify(forward)

/** A forward is known by its host's side; a guest that is named too must be its guest. */
function matcher (forward: ForwardInput): (one: Forwarded) => boolean {
  const host = typeof forward === 'string' ? readHostSide(forward.trim()) : undefined
  if (host !== undefined) return (one) => hostWords(one) === hostWords({ proto: 'tcp', ...host })
  const wanted = readForward(plainCopy(forward))
  if (wanted === undefined) throw new InputError([{ path: 'forward', message: `'${said(forward)}' is not a forwarded port` }])
  return (one) => hostWords(one) === hostWords(wanted) && guestWords(one) === guestWords(wanted)
}

/** Changes both sides, or neither: the stored one last, and what runs is put back where that fails. */
async function change (works: Works, name: string, options: Options & Scope, plan: (sides: Sides) => Change, told: (definition: Definition) => void = () => undefined): Promise<void> {
  const { context, daemons } = works
  const { signal } = options
  await owned(context, `forward of ${name}`, signal, async () => {
    const sides = sidesOf(await find(context, name), options)
    const make = plan(sides)
    const live = sides.live === undefined ? undefined : make(sides.live)
    if (live !== undefined && sides.live !== undefined) {
      const { updates: [update] } = await transact({ update: [{ spec: checkNetwork({ ...sides.live, forwards: live }) }] }, { context, daemons, signal })
      if (update !== undefined) told(update.record.definition)
    }
    try { await store(works, sides.config, make, { signal, told }) } catch (error) {
      if (live === undefined || sides.live === undefined) throw error
      const back = checkNetwork(sides.live)
      const left = await transact({ update: [{ spec: back }] }, { context, daemons }).then(() => [], (reason: unknown) => [{ what: `update of network ${name}`, error: reason }])
      throw failure(`forward of ${name}`, error, left)
    }
  })
  await works.refresh()
}

async function store ({ context }: Works, config: Definition | undefined, make: Change, { signal, told }: { readonly signal: AbortSignal | undefined, readonly told: (definition: Definition) => void }): Promise<void> {
  const forwards = config === undefined ? undefined : make(config)
  if (config === undefined || forwards === undefined) return
  const spec = checkNetwork({ ...config, forwards })
  await locked(context, `define ${config.name}`, signal, async () => {
    const definition = await new Choice(context).complete(spec, config)
    await steps(context.hook, signal).before('write the definition')
    await context.store.save(definition)
    told(definition)
  })
}
