/** Finding the network that a verb names. Source: tools/virsh-network.c, virshCommandOptNetworkBy. */
import type { Network } from '../index.js'
import type { Context, Named, Parameter } from './command.js'
import { attempt } from './failure.js'

/** The argument that most verbs begin with. */
export const networkParameter: Parameter = { kind: 'data', name: 'network', names: 'network', description: 'network name or uuid' }

/** The same where only some of them make sense. */
export const networkThat = (names: Named): Parameter => ({ ...networkParameter, names })

/** By uuid where the text has 36 characters and is one, else by name. Fails with `failed to get network 'X'` and libvirt's `Network not found: …`. */
export async function findNetwork (context: Context, name: string): Promise<Network> {
  return await attempt(`failed to get network '${name}'`, { NETWRIGHT_NOT_FOUND: `Network not found: no network with matching name '${name}'` }, async () => {
    const host = await context.host()
    return await host.network(name, { signal: context.signal })
  })
}
