/** Words that the forward verbs share; `--live` and `--config` as with `virsh net-update`. Source: tools/virsh-network.c, cmdNetworkUpdate. */
import type { ForwardInput, Network, Scope } from '../index.js'
import type { Context, Parameter, Values } from './command.js'
import { attempt, UsageError } from './failure.js'
import { findNetwork, networkParameter } from './find-network.js'

export const forwardParameters: readonly Parameter[] = [
  networkParameter,
  { kind: 'data', name: 'host', value: '[HOSTADDR:]PORT[-END]/PROTO', description: 'port of the host, or auto for a free one; on all its addresses unless one is given. PROTO is tcp, udp or sctp' },
]

export const guestDescription = 'address of the guest, or name of its port, and the port there, of a range its first'

export const scopeParameters: readonly Parameter[] = [
  { kind: 'flag', name: 'config', description: 'affect next network startup' },
  { kind: 'flag', name: 'live', description: 'affect running network' },
  { kind: 'flag', name: 'current', description: 'affect current state of network' },
]

/** Without any of them what runs and what is stored, both where both are there. */
function scopeOf (values: Values, active: boolean): Scope {
  const [live, config, current] = ['live', 'config', 'current'].map((name) => values.flag(name))
  if (current === true && (live === true || config === true)) throw new UsageError(`Options --current and --${live === true ? 'live' : 'config'} are mutually exclusive`)
  return current === true ? active ? { live: true } : { config: true } : { ...live === true ? { live } : {}, ...config === true ? { config } : {} }
}

/** virsh's words for what was changed. */
function affected ({ live, config }: Scope, { active, persistent }: { readonly active: boolean, readonly persistent: boolean }): string {
  const both = live !== true && config !== true
  const [stored, runs] = [config === true || (both && persistent), live === true || (both && active)]
  return stored && runs ? 'persistent config and live state' : stored ? 'persistent config' : 'live state'
}

/** Finds the network, changes it, and says what was changed. */
export async function changeNetwork (values: Values, context: Context, change: (network: Network, options: Scope & { readonly signal: AbortSignal }) => Promise<unknown>): Promise<void> {
  const name = values.data('network')
  const network = await findNetwork(context, name)
  const sentence = `Failed to update network ${name}`
  const texts = { NETWRIGHT_INACTIVE: 'Requested operation is not valid: network is not running', NETWRIGHT_TRANSIENT: "can't update persistent config of transient network" }
  await attempt(sentence, texts, async () => {
    const info = await network.info()
    const scope = scopeOf(values, info.active)
    const done = await change(network, { ...scope, signal: context.signal })
    context.extra(`Updated network ${name} ${affected(scope, info)}\n`)
    context.data(done)
  })
}

/** What both sides' words say together. */
export function forwardLine (values: Values, guest: string | undefined): ForwardInput {
  const host = values.data('host')
  if (!/\/(?:tcp|udp|sctp)$/.test(host)) throw new UsageError(`'${host}' is not a port of the host: [HOSTADDR:]PORT[-END]/PROTO, for example 8080/tcp`)
  return guest === undefined ? host : `${host} ${guest}`
}
