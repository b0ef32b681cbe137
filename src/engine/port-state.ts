/** Ports as the kernel has them. */
import { isOurs, readEach } from '../kernel/link-state.js'
import type { Context } from './context.js'
import type { PortRecord } from './record.js'

/** Whether each port's link is there and on its bridge; ports whose link is gone (a TAP without descriptors) are left out. */
export async function present (context: Context, ports: readonly PortRecord[]): Promise<readonly { readonly port: PortRecord, readonly attached: boolean }[]> {
  const states = await readEach(context.rtnl, ports.map(({ link: { index } }) => ({ index })))
  return ports.flatMap((port, i) => {
    const state = states[i]
    return state === undefined || !isOurs({ ...state, name: port.link.name }, port.link) ? [] : [{ port, attached: port.link.type === 'macvtap' || (state.master !== undefined && state.master !== 0) }]
  })
}

/** Forgets ports whose link went by itself, as a TAP does with its last descriptor. Callers hold the lock. */
export async function prune (context: Context, ports: readonly PortRecord[]): Promise<void> {
  if (ports.length === 0) return
  const there = new Set((await present(context, ports)).map(({ port }) => port))
  const gone = ports.filter((port) => !there.has(port))
  if (gone.length > 0) await context.book.gone(await context.book.intend('forget ports whose links are gone', { ports: gone, removal: true }))
}
