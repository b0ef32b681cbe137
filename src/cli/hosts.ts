/** The hosts that a process works on: one for each place, opened when first needed, closed at the end. */
import type { Host, NetworkInfo } from '../index.js'
import type { Place } from './globals.js'

export interface Hosts {
  /** `watching`: for a verb that runs until it is stopped. The host then starts dnsmasq again where one ends, which a command that ends at once has no use for. */
  at (place: Place, watching: boolean): Promise<Host>
  /** All networks of a place: from the host that is open, else by a look that opens none. */
  networks (place: Place): Promise<NetworkInfo[]>
  close (): Promise<void>
}

const keyOf = (place: Place, watching: boolean): string => JSON.stringify([place.root, place.netns, place.owner, place.log, watching])

async function open (place: Place, supervise: boolean, signal: AbortSignal): Promise<Host> {
  const { log, ...options } = place
  const { openHost } = await import('../index.js')
  if (log === undefined) return await openHost({ ...options, supervise, signal, thread: false })
  const { pino, destination } = await import('pino')
  return await openHost({ ...options, supervise, signal, thread: false, logger: pino({ level: log, base: null }, destination({ dest: 2, sync: true })) })
}

/** None yet. `world.signal` is looked at when something begins. */
export function hosts (world: { readonly signal: AbortSignal }): Hosts {
  const standing = new Map<string, Promise<Host>>()
  const at = (place: Place, watching: boolean): Promise<Host> => {
    const key = keyOf(place, watching)
    const host = standing.get(key) ?? open(place, watching, world.signal)
    standing.set(key, host)
    host.catch(() => { standing.delete(key) }) // the next command may fare better
    return host
  }
  return {
    at,
    networks: async (place) => {
      const { log, ...options } = place
      if (log !== undefined || standing.has(keyOf(place, false))) return await (await at(place, false)).networks({ signal: world.signal })
      const { listNetworks } = await import('../index.js')
      return await listNetworks({ ...options, signal: world.signal })
    },
    close: async () => {
      const settled = await Promise.allSettled(standing.values())
      standing.clear()
      for (const each of settled) if (each.status === 'fulfilled') await each.value.close()
    },
  }
}
