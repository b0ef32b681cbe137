/** Networks that are made, and ports that come to one network or leave it, while the same is under way are one batch: a manager that starts fifty guests asks for each by itself. */
import { needsDnsmasq } from '../dnsmasq/config.js'
import type { NetworkSpec } from '../network/spec.js'
import type { Context } from './context.js'
import { Together } from './together.js'
import { transact, type Transacted, type Transacting } from './transact.js'
import { purposeOf, type Work } from './work.js'

interface One { readonly work: Work, readonly means: Transacting }

const together = new WeakMap<Context, Together<One, Transacted>>()

/** As `transact`, with the same errors. */
export async function transactTogether (work: Work, means: Transacting): Promise<Transacted> {
  const key = kindOf(work)
  if (key === undefined) return await transact(work, means)
  const { context, signal } = means
  const batches = together.get(context) ?? new Together<One, Transacted>({ act, names: namesOf, size: sizeOf })
  together.set(context, batches)
  return await batches.ask(key, { work, means }, { signal, purpose: purposeOf(work) })
}

/**
 * Works of one kind are done together; undefined: this one is done alone. Whoever waits for a dnsmasq to start would keep the others waiting, as would a network that another process
 * is at: so ports are those of one network, and those who make networks wait for each other's names only.
 */
function kindOf ({ create = [], start = [], update = [], attach = [], stop = [], detach = [] }: Work): string | undefined {
  if (start.length + update.length + stop.length > 0) return undefined
  const [network, ...others] = new Set([...attach, ...detach].map((port) => port.network))
  if (create.length > 0) return detach.length === 0 && create.every(({ spec }) => !isServed(spec)) ? 'create' : undefined
  if (network === undefined || others.length > 0 || (attach.length > 0 && detach.length > 0)) return undefined
  return `${attach.length > 0 ? 'attach to' : 'detach from'} ${network}`
}

const isServed = (spec: NetworkSpec): boolean => spec.auto === undefined ? needsDnsmasq(spec) : spec.auto.dhcp || spec.dns?.enable !== false

/** What only one of a batch can have. */
function namesOf ({ work: { create = [], attach = [], detach = [] } }: One): readonly string[] {
  return [...create.map(({ spec }) => `network ${spec.name}`), ...attach.flatMap(({ input }) => hostDev(input) ?? []), ...detach.map(({ dev }) => dev)]
}

/** Programs without types pass anything, which is looked at later. */
function hostDev (input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null || !('kind' in input)) return undefined
  const dev: unknown = Reflect.get(input, input.kind === 'tap' ? 'dev' : 'hostDev')
  return typeof dev === 'string' ? dev : undefined
}

const sizeOf = ({ work: { create = [], attach = [], detach = [] } }: One): number => create.length + attach.length + detach.length

async function act (group: readonly One[], signal: AbortSignal | undefined): Promise<readonly Transacted[]> {
  const works = group.map(({ work }) => work)
  const [first] = group
  if (first === undefined) return []
  const whole = group.length === 1 ? first.work : { create: works.flatMap(({ create = [] }) => create), attach: works.flatMap(({ attach = [] }) => attach), detach: works.flatMap(({ detach = [] }) => detach) }
  const { networks, ports } = await transact(whole, { ...first.means, signal })
  const [made, attached] = [[...networks], [...ports]]
  return works.map(({ create = [], attach = [] }) => ({ networks: made.splice(0, create.length), ports: attached.splice(0, attach.length), updates: [], removed: [] }))
}
