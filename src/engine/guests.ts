/** The namespaces that guests' sides of veth pairs go to: held open before anything is decided, so that nobody puts another one in their place. */
import { startTimeOf } from '../dnsmasq/running.js'
import { InputError, NetwrightError } from '../errors.js'
import { openNetns, type Netns } from '../kernel/netns.js'
import type { ProcessNetns, VethInput } from './api.js'
import { checkPort, placeOf } from './coming-port.js'
import type { Context } from './context.js'
import { about, type Work } from './work.js'

/** Open namespaces, by how the caller named them. */
export type Guests = ReadonlyMap<VethInput['netns'], Netns>

/** Each namespace once, however many guests are in it. Throws NETWRIGHT_NO_NAMESPACE, InputError, KernelError; then none is open. */
export async function openGuests ({ attach = [] }: Pick<Work, 'attach'>, context: Pick<Context, 'netns'>): Promise<Guests> {
  const guests = new Map<VethInput['netns'], Netns>()
  try {
    for (const one of attach) await about(placeOf(one), async () => {
      checkPort(one.input)
      if (one.input.kind !== 'veth' || guests.has(one.input.netns)) return
      guests.set(one.input.netns, await openGuest(one.input.netns, context))
    })
    return guests
  } catch (error) {
    for (const guest of guests.values()) guest.close()
    throw error
  }
}

async function openGuest (where: VethInput['netns'], context: Pick<Context, 'netns'>): Promise<Netns> {
  if (typeof where === 'string') return await openNetns(where)
  const { pid, started } = typeof where === 'number' ? { pid: where } : checked(where)
  const before = await startTimeOf(pid)
  if (before === undefined) throw unlike(pid, 'there is no such process')
  if (started !== undefined && started !== before) throw unlike(pid, 'another process has that number by now')
  const netns = await openNetns(pid)
  try {
    // A number that has changed hands since is another process's, and so is its namespace.
    if (await startTimeOf(pid) !== before) throw unlike(pid, 'it has ended')
    if (netns.inode === context.netns.inode) throw unlike(pid, 'it has none of its own: it lives in the host\'s')
    return netns
  } catch (error) {
    netns.close()
    throw error
  }
}

function checked (where: ProcessNetns): { readonly pid: number, readonly started?: string | undefined } {
  if (typeof where !== 'object' || typeof where.pid !== 'number') throw new InputError([{ path: 'netns', message: 'expected a path, a name, a pid or { pid, started }' }])
  return where
}

const unlike = (pid: number, why: string): NetwrightError => new NetwrightError('NETWRIGHT_NO_NAMESPACE', `the network namespace of process ${String(pid)}: ${why}`, { remedy: `see what it is: ps -o pid,lstart,args ${String(pid)}; lsns -t net` })
