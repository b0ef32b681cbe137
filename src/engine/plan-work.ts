/** Changes of a plan as work for a transaction. Pure. */
import type { PortInput } from './api.js'
import type { Change, PlannedPort } from './change.js'
import type { Model } from './state.js'
import type { Attached, Created, Detached, Started, Stopped, Updated, Work } from './work.js'

/** What comes and what changes, or what goes; `before` says which networks are stored. */
export function workOf (changes: readonly Change[], before: Model): Work {
  const isStored = (network: string): boolean => before.state(network).stored !== undefined
  const running = changes.flatMap((change) => change.kind === 'running' ? [change] : [])
  const ports = changes.flatMap((change) => change.kind === 'port' ? [change] : [])
  const create = running.flatMap(({ network, from, to }): Created[] => from === undefined && to !== undefined && !isStored(network) ? [{ spec: to }] : [])
  const start = running.flatMap(({ network, from, to }): Started[] => from === undefined && to !== undefined && isStored(network) ? [{ name: network }] : [])
  const update = running.flatMap(({ from, to }): Updated[] => from !== undefined && to !== undefined ? [{ spec: to }] : [])
  const attach = ports.flatMap(({ network, to }): Attached[] => to === undefined ? [] : [{ network, input: inputOf(to) }])
  const stop = running.flatMap(({ network, to }): Stopped[] => to === undefined ? [{ name: network, ports: 'keep' }] : [])
  const detach = ports.flatMap(({ network, from, to }): Detached[] => from === undefined || to !== undefined ? [] : [{ network, dev: from.dev }])
  return { create, start, update, attach, stop, detach }
}

/** As `network.attach` takes it. */
function inputOf ({ kind, dev, mac, address, hostname, queues, vnetHdr, owner, group, netns = '', peer, defaultRoute }: PlannedPort): PortInput {
  const common = { mac, ...address === undefined ? {} : { address }, ...hostname === undefined ? {} : { hostname } }
  if (kind === 'veth') return { kind, ...common, netns, hostDev: dev, ...peer === undefined ? {} : { dev: peer }, ...defaultRoute === undefined ? {} : { defaultRoute } }
  return { kind, dev, ...common, fds: false, ...queues === undefined ? {} : { queues }, ...vnetHdr === undefined ? {} : { vnetHdr }, ...owner === undefined ? {} : { owner }, ...group === undefined ? {} : { group } }
}
