/** What a network has, or all networks have, one after the other. */
import type { Network } from '../index.js'
import type { Context, Values } from './command.js'
import { attempt } from './failure.js'
import { findNetwork } from './find-network.js'

/** `what` is for the error's sentence: `forwards`. */
export async function listOf<T> (values: Values, context: Context, what: string, list: (network: Network, options: { readonly signal: AbortSignal }) => Promise<readonly T[]>): Promise<readonly { readonly network: string, readonly item: T }[]> {
  const one = values.text('network')
  const names = one === undefined ? (await attempt('Failed to list networks', {}, async () => await context.networks())).map(({ name }) => name) : [one]
  const found: { readonly network: string, readonly item: T }[] = []
  for (const name of names) {
    const network = await findNetwork(context, name)
    const items = await attempt(`Failed to list ${what} of network ${name}`, {}, async () => await list(network, { signal: context.signal }))
    found.push(...items.map((item) => ({ network: network.name, item })))
  }
  return found
}
