/** What `host.create` and `host.transaction` are asked for, as work. Nothing is done here but reading definitions. */
import { InputError, located, NetwrightError } from '../errors.js'
import { pacer } from '../netlink/breathe.js'
import { parseDefinition } from '../network/definition.js'
import type { NetworkSpec } from '../network/spec.js'
import type { NetworkDefinition, NetworkWithPorts, PortInput, Transaction } from './api.js'
import type { Attached, Created, Detached, Started, Stopped, Work } from './work.js'

type Item = NetworkDefinition | NetworkWithPorts

/** One definition, or one with ports. Throws InputError. */
export function singleWork (item: Item): Work {
  const { definition, ports } = partsOf(item)
  const spec = parseDefinition(definition)
  return { create: [{ spec, subnet: isShort(definition) }], attach: ports.map((input, i) => ({ network: spec.name, input: persistent(input, `ports[${String(i)}]`), at: `ports[${String(i)}]` })) }
}

/** Many, in slices. Throws InputError, each complaint with its place: `networks[217].ip[0].address`. */
export async function listWork (items: readonly Item[]): Promise<Work> {
  const create: Created[] = []
  const attach: Attached[] = []
  const pace = pacer()
  for (const [i, item] of items.entries()) {
    const at = `networks[${String(i)}]`
    try {
      const { definition, ports } = partsOf(item)
      const spec = parseDefinition(definition)
      create.push({ spec, at, subnet: isShort(definition) })
      for (const [j, input] of ports.entries()) attach.push({ network: spec.name, input: persistent(input, `ports[${String(j)}]`), at: `${at}.ports[${String(j)}]` })
    } catch (error) { throw located(error, { place: at }) }
    const rest = pace()
    if (rest !== undefined) await rest
  }
  return { create, attach }
}

function partsOf (item: Item): { readonly definition: NetworkDefinition, readonly ports: readonly PortInput[] } {
  if (!isObject(item) || !('network' in item)) return { definition: item, ports: [] }
  const { network, ports = [] } = item
  assertList(ports)
  return { definition: network, ports }
}

function assertList (ports: unknown): void {
  if (!Array.isArray(ports)) throw new InputError([{ path: 'ports', message: 'expected a list of ports' }])
}

/** `host.create` returns no descriptors. */
function persistent (input: PortInput, path: string): PortInput {
  if (!isTap(input)) return input
  if (input.fds === true) throw new InputError([{ path: `${path}.fds`, message: 'host.create returns no descriptors: use host.transaction or network.attach' }])
  return { ...input, fds: false }
}

/** Programs without types pass anything. */
const isObject = <T>(value: T): value is T & object => typeof value === 'object' && value !== null

const isTap = (input: unknown): input is Extract<PortInput, { readonly kind: 'tap' }> => typeof input === 'object' && input !== null && 'kind' in input && input.kind === 'tap'

/** Whether its subnet is written in the short form. */
const isShort = (definition: NetworkDefinition): boolean => isObject(definition) && 'subnet' in definition

/** Which of `Transacted` a network is, in order of asking. */
export type Order = { readonly kind: 'create' | 'start' | 'update', readonly at: number }

interface Defined { readonly definition: NetworkDefinition, readonly at: string }

/** What was asked for, as it was passed. */
export interface Asked {
  readonly create: readonly Defined[]
  readonly start: readonly Started[]
  readonly update: readonly Defined[]
  readonly attach: readonly (Omit<Attached, 'network'> & { readonly network: string | { /** Which of `create`. */ readonly of: number } })[]
  readonly stop: readonly Stopped[]
  readonly detach: readonly Detached[]
  readonly order: readonly Order[]
}

/** Reads the definitions, in slices. Throws InputError with places: `networks[2].subnet`. */
export async function askedWork ({ create: wanted, start, update, attach: ports, stop, detach }: Asked): Promise<Work> {
  const create = await parsed(wanted)
  const attach = ports.map(({ network, ...rest }): Attached => ({ ...rest, network: isObject(network) ? create[network.of]?.spec.name ?? '' : network }))
  return { create, start, update: await parsed(update), attach, stop, detach }
}

/** Gathers what is asked for while the caller's function runs. */
export class Collector implements Transaction {
  readonly #create: Defined[] = []
  readonly #start: Started[] = []
  readonly #update: Defined[] = []
  readonly #attach: Asked['attach'][number][] = []
  readonly #stop: Stopped[] = []
  readonly #detach: Detached[] = []
  readonly #order: Order[] = []
  #over = false

  /** Runs `collect`, which must not wait for anything. Throws what it throws. */
  gather (collect: (tx: Transaction) => unknown): Asked {
    try {
      if (typeof collect !== 'function') throw new InputError([{ path: 'collect', message: 'expected a function' }])
      const result = collect(this)
      if (typeof result === 'object' && result !== null && 'then' in result) throw new InputError([{ path: 'collect', message: 'it returned a promise: a transaction is collected in one go, so wait for what it needs before it' }])
      return this.#asked
    } finally { this.#over = true }
  }

  get #asked (): Asked { return { create: this.#create, start: this.#start, update: this.#update, attach: this.#attach, stop: this.#stop, detach: this.#detach, order: this.#order } }

  create (definition: NetworkDefinition, ports: readonly PortInput[] = []): void {
    assertList(ports)
    const at = this.#next('create', this.#create.length)
    for (const input of ports) this.#port({ of: this.#create.length }, input)
    this.#create.push({ definition, at })
  }

  start (name: string): void { this.#start.push({ name, at: this.#next('start', this.#start.length) }) }
  update (definition: NetworkDefinition): void { this.#update.push({ definition, at: this.#next('update', this.#update.length) }) }
  attach (network: string, port: PortInput): void { this.#open(); this.#port(network, port) }
  stop (name: string): void { this.#open(); this.#stop.push({ name, ports: 'keep', at: `removals[${String(this.#going)}]` }) }
  destroy (name: string): void { this.#open(); this.#stop.push({ name, ports: 'remove', at: `removals[${String(this.#going)}]` }) }
  detach (network: string, dev: string): void { this.#open(); this.#detach.push({ network, dev, at: `removals[${String(this.#going)}]` }) }

  get #going (): number { return this.#stop.length + this.#detach.length }

  #port (network: string | { readonly of: number }, input: PortInput): void {
    this.#attach.push({ network, input: isTap(input) ? { ...input, fds: input.fds === true } : input, at: `ports[${String(this.#attach.length)}]` })
  }

  #next (kind: Order['kind'], at: number): string {
    this.#open()
    this.#order.push({ kind, at })
    return `networks[${String(this.#order.length - 1)}]`
  }

  #open (): void {
    if (this.#over) throw new NetwrightError('NETWRIGHT_CLOSED', 'the transaction has been collected: nothing can be added to it', { remedy: 'ask for everything before the function returns' })
  }
}

async function parsed (items: readonly Defined[]): Promise<{ readonly spec: NetworkSpec, readonly at: string, readonly subnet: boolean }[]> {
  const specs = []
  const pace = pacer()
  for (const { definition, at } of items) {
    try { specs.push({ spec: parseDefinition(definition), at, subnet: isShort(definition) }) } catch (error) { throw located(error, { place: at }) }
    const rest = pace()
    if (rest !== undefined) await rest
  }
  return specs
}
