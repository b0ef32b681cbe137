/** Forwarded ports of one network, added and removed live, in the stored definition, or in both as one. */
import { InputError, NetwrightError } from '../errors.js'
import { readForward } from '../network/checks/forwards.js'
import { forwardWords, guestWords, hostWords, readHostSide } from '../network/forward-words.js'
import { guestOf } from '../network/forwarded.js'
import { plainCopy } from '../network/plain.js'
import type { Definition, Forwarded, ForwardInput } from '../network/spec.js'
import type { ForwardInfo, Forwards, Options, Scope } from './api.js'
import { changeSides, given, mustBeThere } from './both-sides.js'
import { find, type Entry } from './inventory.js'
import { guestsOf } from './named-guests.js'
import type { Works } from './works.js'

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
  await changeSides({ works, name, part: 'forward', options }, (sides) => {
    if (given(sides).every(has)) throw new NetwrightError('NETWRIGHT_EXISTS', `network ${name} forwards ${wanted === undefined ? 'it' : forwardWords(wanted)} already`, { network: name })
    return (definition) => has(definition) ? undefined : { forwards: [...definition.forwards ?? [], chosen ?? forward] }
  }, (definition) => { chosen = definition.forwards?.at(-1) })
  const info = listed(await find(works.context, name)).find((one) => chosen !== undefined && forwardWords(one) === forwardWords(chosen))
  if (info === undefined) throw new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${name} has changed meanwhile`)
  return info
}

async function remove (works: Works, name: string, forward: ForwardInput, options: Options & Scope): Promise<void> {
  const is = matcher(forward)
  await changeSides({ works, name, part: 'forward', options }, (sides) => {
    mustBeThere(sides, options, ({ forwards = [] }) => forwards.some(is), () => new NetwrightError('NETWRIGHT_NOT_FOUND', `network ${name} does not forward ${said(forward)}`, { network: name, remedy: `netwright forward list ${name}` }))
    return ({ forwards = [] }) => forwards.some(is) ? { forwards: forwards.filter((one) => !is(one)) } : undefined
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
