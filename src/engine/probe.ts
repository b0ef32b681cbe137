/** Whether the host can still be reached after a change: its gateways answer, and the ssh connection that we came by lives. */
import { setTimeout as sleep } from 'node:timers/promises'
import { NetwrightError } from '../errors.js'
import { allRoutes, belongings, readFootprint, type Footprint } from '../kernel/footprint.js'
import type { Known } from '../kernel/link.js'
import { readRawLink } from '../kernel/uplink.js'
import { tcpState, type Connection } from '../kernel/tcp.js'
import { send } from '../netlink/call.js'
import { NLM_F_CREATE } from '../netlink/header.js'
import { dumpNeighs, neigh, NTF_USE, NUD_FAILED, NUD_PERMANENT, NUD_PROBE, NUD_REACHABLE, type NeighMessage } from '../netlink/rtnl/neigh.js'
import { RTN_UNICAST } from '../netlink/rtnl/route.js'
import type { Transport } from '../netlink/transport.js'
import { isIp, parseIp } from '../values/ip.js'

/** Milliseconds: what a neighbour may take to answer before, when it is not known whether it does at all, and after. */
const BEFORE = 1_000
const AFTER = 10_000
const PAUSE = 10

export interface Gateway { readonly family: number, readonly address: string }

/** The gateways of default routes. */
export function gatewaysOf (footprints: readonly Footprint[]): Gateway[] {
  const found = new Map<string, Gateway>()
  for (const { family = 0, dstLen = 0, type, gateway, multipath = [] } of footprints.flatMap((one) => belongings(one).routes)) {
    if (dstLen !== 0 || type !== RTN_UNICAST) continue
    for (const address of [gateway, ...multipath.map((hop) => hop.gateway)]) if (address !== undefined) found.set(address, { family, address })
  }
  return [...found.values()]
}

/** The connection that sshd tells its children of; undefined where there is none. `CLIENT PORT SERVER PORT`, ssh(1). */
export function sshConnection (environment: Readonly<Record<string, string | undefined>>): Connection | undefined {
  const [peer = '', peerPort = '', local = '', localPort = ''] = (environment.SSH_CONNECTION ?? '').split(' ')
  const [there = '', here = ''] = [peer, local].map((text) => text.replace(/%.*/, ''))
  return isIp(there) && isIp(here) && /^\d+$/.test(peerPort) && /^\d+$/.test(localPort)
    ? { local: parseIp(here), localPort: Number(localPort), remote: parseIp(there), remotePort: Number(peerPort) }
    : undefined
}

/** Makes the kernel ask (`arping`, `ndisc6`): one that it knows unicast, another by multicast. */
async function ask ({ family, address }: Gateway, dev: Known, known: NeighMessage | undefined, transport: Transport): Promise<void> {
  const about = { family, dst: address, ifindex: dev.index }
  const lladdr = known?.lladdr
  await send(transport, [lladdr === undefined || ((known?.state ?? 0) & NUD_FAILED) !== 0
    ? { ...neigh.replace({ ...about, flags: NTF_USE }, address), flags: NLM_F_CREATE }
    : neigh.change({ ...about, state: NUD_PROBE, lladdr }, address)])
}

/** Those of the gateways that answer on a link within the time. A permanent neighbour is never asked, so it is none of them. */
async function answering (gateways: readonly Gateway[], dev: Known, { transport, patience, afresh = false, signal }: { readonly transport: Transport, readonly patience: number, /** An answer of before does not count. */ readonly afresh?: boolean, readonly signal?: AbortSignal | undefined }): Promise<Gateway[]> {
  const deadline = performance.now() + patience
  const answered = new Set<Gateway>()
  const asked = new Set<Gateway>()
  const mute = new Set<Gateway>()
  while (answered.size + mute.size < gateways.length && performance.now() < deadline && signal?.aborted !== true) {
    const known = await dumpNeighs(transport, { ifindex: dev.index })
    for (const gateway of gateways) {
      const entry = known.find(({ dst }) => dst === gateway.address)
      const state = entry?.state ?? NUD_FAILED
      if ((state & NUD_PERMANENT) !== 0) mute.add(gateway)
      else if ((state & NUD_REACHABLE) !== 0 && (!afresh || asked.has(gateway))) answered.add(gateway)
      else if (!asked.has(gateway) || (state & NUD_FAILED) !== 0) { asked.add(gateway); await ask(gateway, dev, entry, transport) }
    }
    await sleep(PAUSE)
  }
  return gateways.filter((one) => answered.has(one))
}

export interface Reach {
  readonly gateways: readonly Gateway[]
  readonly ssh?: Connection
}

/** What can be reached now, and so must be reached afterwards. */
export async function reach (places: readonly (Known & { readonly footprint: Footprint })[], { transport, netns, environment = process.env }: { readonly transport: Transport, readonly netns: number, readonly environment?: Readonly<Record<string, string | undefined>> }): Promise<Reach> {
  const found = await Promise.all(places.map(async (dev) => await answering(gatewaysOf([dev.footprint]), dev, { transport, patience: BEFORE })))
  const ssh = sshConnection(environment)
  const lives = ssh === undefined ? undefined : await tcpState(netns, ssh)
  return { gateways: found.flat(), ...ssh === undefined || lives?.established !== true ? {} : { ssh } }
}

/** Throws NETWRIGHT_PROBE_FAILED where something that was reached before is not any more, on `dev`. */
export async function stillReaches ({ gateways, ssh }: Reach, dev: Known, { transport, netns, afresh, signal }: { readonly transport: Transport, readonly netns: number, readonly afresh?: boolean, readonly signal?: AbortSignal | undefined }): Promise<void> {
  const answered = await answering(gateways, dev, { transport, patience: AFTER, signal, ...afresh === undefined ? {} : { afresh } })
  const silent = gateways.find((one) => !answered.includes(one))
  if (silent !== undefined) throw failed(`gateway ${silent.address} does not answer on ${dev.name}`)
  if (ssh !== undefined) await acknowledged(ssh, netns, signal)
}

/** What was sent by the connection is acknowledged. */
async function acknowledged (ssh: Connection, netns: number, signal: AbortSignal | undefined): Promise<void> {
  const deadline = performance.now() + AFTER
  for (;;) {
    const state = await tcpState(netns, ssh)
    if (state?.established !== true) throw failed(`the ssh connection from ${ssh.remote} has ended`)
    if (state.unacknowledged === 0) return
    if (performance.now() > deadline || signal?.aborted === true) throw failed(`the ssh connection from ${ssh.remote} does not answer`)
    await sleep(PAUSE)
  }
}

const failed = (message: string): NetwrightError => new NetwrightError('NETWRIGHT_PROBE_FAILED', message)

/** What every link with a gateway reaches. */
export interface UplinkReach {
  /** Throws NETWRIGHT_PROBE_FAILED where one of them does not any more. */
  still (signal: AbortSignal): Promise<void>
}

/** As `reach`, for the whole host. */
export async function uplinkReach ({ transport, netns }: { readonly transport: Transport, readonly netns: number }): Promise<UplinkReach> {
  const ways = (await allRoutes(transport)).filter(({ dstLen = 0, type }) => dstLen === 0 && type === RTN_UNICAST).flatMap(({ oif, multipath = [] }) => [oif, ...multipath.map(({ ifindex }) => ifindex)])
  const known = await Promise.all([...new Set(ways.filter((index) => index !== undefined))].map(async (index) => {
    const dev = { index, name: (await readRawLink(transport, { index }))?.ifname ?? `link ${String(index)}` }
    return { dev, reached: await reach([{ ...dev, footprint: await readFootprint(transport, index) }], { transport, netns }) }
  }))
  const ssh = known.length === 0 ? [{ dev: { index: 0, name: '' }, reached: await reach([], { transport, netns }) }] : []
  return { still: async (signal) => { for (const { dev, reached } of [...known, ...ssh]) await stillReaches(reached, dev, { transport, netns, signal, afresh: true }) } }
}

/** Throws NETWRIGHT_PROBE_FAILED where a probe of the caller's throws, or says false. */
export async function asked<C> (probe: (context: C) => unknown, context: C): Promise<void> {
  let answer: unknown
  try { answer = await probe(context) } catch (cause) { throw new NetwrightError('NETWRIGHT_PROBE_FAILED', `the probe was not content: ${cause instanceof Error ? cause.message : String(cause)}`, { cause }) }
  if (answer === false) throw failed('the probe was not content')
}
