/** The hosts that a process works on: one for each place, opened when first needed, closed at the end. */
import type { Host } from '../index.js'
import type { Place } from './globals.js'

export interface Hosts {
  /** `watching`: for a verb that runs until it is stopped. The host then starts dnsmasq again where one ends, which a command that ends at once has no use for. */
  at (place: Place, watching: boolean): Promise<Host>
  close (): Promise<void>
}

async function open (place: Place, supervise: boolean, signal: AbortSignal): Promise<Host> {
  const { log, ...options } = place
  const { openHost } = await import('../index.js')
  if (log === undefined) return await openHost({ ...options, supervise, signal })
  const { pino, destination } = await import('pino')
  return await openHost({ ...options, supervise, signal, logger: pino({ level: log, base: null }, destination({ dest: 2, sync: true })) })
}

/** None yet. */
export function hosts (signal: AbortSignal): Hosts {
  const standing = new Map<string, Promise<Host>>()
  return {
    at: (place, watching) => {
      const key = JSON.stringify([place.root, place.netns, place.owner, place.log, watching])
      const host = standing.get(key) ?? open(place, watching, signal)
      standing.set(key, host)
      host.catch(() => { standing.delete(key) }) // the next command may fare better
      return host
    },
    close: async () => {
      const settled = await Promise.allSettled(standing.values())
      standing.clear()
      for (const each of settled) if (each.status === 'fulfilled') await each.value.close()
    },
  }
}
