/** What a transaction made, as it is handed out. */
import type { Committed } from './api.js'
import type { Order } from './collector.js'
import { NetworkHandle, started, updated } from './network.js'
import { portHandle } from './port-handle.js'
import type { Transacted } from './transact.js'
import type { Work } from './work.js'
import type { Works } from './works.js'

/** `order`: in which the networks were asked for. */
export async function committed (works: Works, { networks, ports, updates }: Transacted, { work, order }: { readonly work: Work, readonly order: readonly Order[] }): Promise<Committed> {
  const reports = await updated(works, updates)
  const [first] = networks.length > 0 ? await started(works, networks) : []
  const own = work.create?.length ?? 0
  const handles = {
    create: networks.slice(0, own).map(({ definition }) => new NetworkHandle(works, definition, true)),
    start: networks.slice(own).map(({ definition }) => new NetworkHandle(works, definition)),
    update: updates.map(({ record: { definition } }) => new NetworkHandle(works, definition)),
  }
  return {
    networks: order.flatMap(({ kind, at }) => handles[kind][at] ?? []),
    ports: ports.map((port) => portHandle(works, port)),
    updates: reports, warnings: first?.warnings ?? reports[0]?.warnings ?? [],
  }
}
