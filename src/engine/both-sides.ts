/** Changes a part of what runs and of what is stored of one network, of both as one: behind `network.forwards`, `network.peers`, `network.rules`. */
import { NetwrightError } from '../errors.js'
import { checkNetwork } from '../network/check.js'
import type { Definition, NetworkInput } from '../network/spec.js'
import type { Options, Scope } from './api.js'
import { Choice } from './choose.js'
import { locked, owned } from './context.js'
import { find, type Entry } from './inventory.js'
import { steps } from './steps.js'
import { transact } from './transact.js'
import { failure } from './undo.js'
import type { Works } from './works.js'

/** The two copies of a definition that an operation is about. */
export interface Sides { readonly live: Definition | undefined, readonly config: Definition | undefined }

/** Those that are there. */
export function given ({ live, config }: Sides): readonly Definition[] { return [live, config].filter((one) => one !== undefined) }

/** Which of them is meant: both that are there, unless said. Throws NETWRIGHT_INACTIVE, NETWRIGHT_TRANSIENT. */
function sidesOf ({ name, stored, running }: Entry, { live, config }: Scope): Sides {
  const chosen = live === true || config === true
  if (live === true && running === undefined) throw new NetwrightError('NETWRIGHT_INACTIVE', `network '${name}' is not active`, { network: name, remedy: `netwright net-start ${name}` })
  if (config === true && stored === undefined) throw new NetwrightError('NETWRIGHT_TRANSIENT', `network '${name}' is transient: it has no stored definition`, { network: name, remedy: 'change what runs only: --live' })
  return { live: chosen && live !== true ? undefined : running?.definition, config: chosen && config !== true ? undefined : stored }
}

/** What is other in a definition; undefined where nothing is. */
export type Change = (definition: Definition) => Partial<NetworkInput> | undefined

/** Which network is changed, and by which word that is called in errors. */
export interface Changing { readonly works: Works, readonly name: string, readonly part: string, readonly options: Options & Scope }

/** Changes both sides, or neither: the stored one last, and what runs is put back where that fails. `told` gets what each became. */
export async function changeSides ({ works, name, part, options }: Changing, plan: (sides: Sides) => Change, told: (definition: Definition) => void = () => undefined): Promise<void> {
  const { context, daemons } = works
  const { signal } = options
  await owned(context, `${part} of ${name}`, signal, async () => {
    const sides = sidesOf(await find(context, name), options)
    const make = plan(sides)
    const live = sides.live === undefined ? undefined : make(sides.live)
    if (live !== undefined && sides.live !== undefined) {
      const { updates: [update] } = await transact({ update: [{ spec: checkNetwork({ ...sides.live, ...live }) }] }, { context, daemons, signal })
      if (update !== undefined) told(update.record.definition)
    }
    try { await store(works, sides.config, make, { signal, told }) } catch (error) {
      if (live === undefined || sides.live === undefined) throw error
      const back = checkNetwork(sides.live)
      const left = await transact({ update: [{ spec: back }] }, { context, daemons }).then(() => [], (reason: unknown) => [{ what: `update of network ${name}`, error: reason }])
      throw failure(`${part} of ${name}`, error, left)
    }
  })
  await works.refresh()
}

async function store ({ context }: Works, config: Definition | undefined, make: Change, { signal, told }: { readonly signal: AbortSignal | undefined, readonly told: (definition: Definition) => void }): Promise<void> {
  const changed = config === undefined ? undefined : make(config)
  if (config === undefined || changed === undefined) return
  const spec = checkNetwork({ ...config, ...changed })
  await locked(context, `define ${config.name}`, signal, async () => {
    const definition = await new Choice(context).complete(spec, config)
    await steps(context.hook, signal).before('write the definition')
    await context.store.save(definition)
    told(definition)
  })
}

/** What an operation that removes meets: NETWRIGHT_NOT_FOUND where it is on no side, or not on one that was named. */
export function mustBeThere (sides: Sides, { live, config }: Scope, has: (definition: Definition) => boolean, missing: () => NetwrightError): void {
  const all = given(sides)
  const without = all.filter((one) => !has(one))
  if (without.length === all.length || ((live === true || config === true) && without.length > 0)) throw missing()
}
