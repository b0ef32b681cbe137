/** Networks that are made, and ports that come to one network or leave it, by calls that meet are one batch: a manager that starts fifty guests asks for each by itself. */
import { NetwrightError } from '../errors.js'
import { needsDnsmasq } from '../dnsmasq/config.js'
import type { NetworkSpec } from '../network/spec.js'
import type { Context } from './context.js'
import { placeAt, type Place } from './lock.js'
import { isFinal } from './stop-together.js'
import { stop } from './stop.js'
import { closeAll } from './taps.js'
import { Together, type Turn } from './together.js'
import { transact, type Transacted, type Transacting } from './transact.js'
import { purposeOf, type Work } from './work.js'

interface One { readonly work: Work, readonly means: Transacting }

/** One for works that make, whose failure is undone, and one for those that only remove. */
interface Batches { readonly making: Together<One, Transacted>, readonly removing: Together<One, Transacted> }

const together = new WeakMap<Context, Batches>()

function batchesOf (context: Context): Batches {
  const place = (): Place => placeAt(context.places.lock)
  const batches = together.get(context) ?? {
    making: new Together<One, Transacted>({ act, place, takeBack, isFinal: (error) => error instanceof NetwrightError && error.code === 'NETWRIGHT_LOCKED' }),
    removing: new Together<One, Transacted>({ act, place, isFinal }),
  }
  together.set(context, batches)
  return batches
}

/** As `transact`, with the same errors. */
export async function transactTogether (work: Work, means: Transacting): Promise<Transacted> {
  const key = kindOf(work)
  if (key === undefined) return await transact(work, means)
  const { making, removing } = batchesOf(means.context)
  const { create = [], attach = [], detach = [] } = work
  return await (detach.length > 0 ? removing : making).ask(key, { item: { work, means }, names: namesOf(work), size: create.length + attach.length + detach.length, signal: means.signal, purpose: purposeOf(work) })
}

/** Works of one kind are done together; undefined: this one is done alone. Whoever starts a dnsmasq would keep the others waiting for it, and ports of several networks would wait for each other's. */
function kindOf ({ create = [], start = [], update = [], attach = [], stop = [], detach = [] }: Work): string | undefined {
  if (start.length + update.length + stop.length > 0) return undefined
  const [network, ...others] = new Set([...attach, ...detach].map((port) => port.network))
  if (create.length > 0) return detach.length === 0 && create.every(({ spec }) => !isServed(spec)) ? 'create' : undefined
  if (network === undefined || others.length > 0 || (attach.length > 0 && detach.length > 0)) return undefined
  return `${attach.length > 0 ? 'attach to' : 'detach from'} ${network}`
}

const isServed = (spec: NetworkSpec): boolean => spec.auto === undefined ? needsDnsmasq(spec) : spec.auto.dhcp || spec.dns?.enable !== false

/** What only one of a batch can have. */
function namesOf ({ create = [], attach = [], detach = [] }: Work): readonly string[] {
  return [...create.map(({ spec }) => `network ${spec.name}`), ...attach.flatMap(({ input }) => hostDev(input) ?? []), ...detach.map(({ dev }) => dev)]
}

/** Programs without types pass anything, which is looked at later. */
function hostDev (input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null || !('kind' in input)) return undefined
  const dev: unknown = Reflect.get(input, input.kind === 'tap' ? 'dev' : 'hostDev')
  return typeof dev === 'string' ? dev : undefined
}

async function act (group: readonly One[], turn: Turn): Promise<readonly Transacted[]> {
  const works = group.map(({ work }) => work)
  const [first] = group
  if (first === undefined) return []
  const whole = group.length === 1 ? first.work : { create: works.flatMap(({ create = [] }) => create), attach: works.flatMap(({ attach = [] }) => attach), detach: works.flatMap(({ detach = [] }) => detach) }
  const made = await transact(whole, { ...first.means, signal: turn.signal, turn })
  if (group.length === 1) return [made]
  const [networks, ports] = [[...made.networks], [...made.ports]]
  return works.map(({ create = [], attach = [] }) => ({ networks: networks.splice(0, create.length), ports: ports.splice(0, attach.length), updates: [], removed: [] }))
}

/** What was made for one that was aborted meanwhile, while the others stay. */
async function takeBack ({ means: { context, daemons } }: One, { networks, ports }: Transacted): Promise<void> {
  try {
    if (networks.length > 0) await stop(networks.map(({ definition: { name } }) => name), { context, daemons, ports: 'remove' })
    else await transact({ detach: ports.map(({ record: { network, link: { name, index } } }) => ({ network, dev: name, index })) }, { context, daemons })
  } finally { await closeAll(ports.flatMap(({ fds }) => fds)) }
}
