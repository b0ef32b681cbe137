/** Links as the kernel has them. */
import { constants } from 'node:os'
import { mapSlowly } from '../netlink/breathe.js'
import { get, getEach } from '../netlink/call.js'
import { isErrno } from '../netlink/errno.js'
import type { Message } from '../netlink/header.js'
import type { Request } from '../netlink/request.js'
import { dumpLinks, IFF_LOWER_UP, IFF_UP, link, RTEXT_FILTER_SKIP_STATS, type LinkMessage } from '../netlink/rtnl/link.js'
import type { Transport } from '../netlink/transport.js'
import type { LinkObject } from './object.js'

/** `ip -d link show`. */
export interface LinkState {
  readonly index: number
  readonly name: string
  /** `bridge`, `veth`, `tun` (also for TAPs); undefined for hardware and loopback. */
  readonly kind?: string
  /** Pairs with colons; '' for links without. */
  readonly mac: string
  readonly mtu: number
  readonly group: number
  /** Index of the bridge (or other link) that it is a port of. */
  readonly master?: number
  readonly up: boolean
  /** It has a carrier: for a bridge, a port that is up; for a TAP, an open descriptor. */
  readonly carrier: boolean
  readonly alias?: string
  /** The other end of a veth: its index, in the namespace of that id where it is another one. */
  readonly peer?: { readonly index: number, readonly netnsid?: number }
  readonly bridge?: BridgeState
  readonly tap?: TapState
  /** Where it is a bridge's port. */
  readonly port?: { readonly state: PortState }
}
/** Times in seconds. `id` is `8000.525400123456`. */
export interface BridgeState { readonly id: string, readonly stp: boolean, readonly forwardDelay: number, readonly vlanFiltering: boolean }
export interface TapState { readonly queues: number, readonly vnetHdr: boolean, readonly persist: boolean, readonly uid?: number, readonly gid?: number }
const portStates = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const
/** Source: include/uapi/linux/if_bridge.h, BR_STATE_*. */
export type PortState = typeof portStates[number]

/** Which link. */
export type LinkKey = { readonly name: string } | { readonly index: number }

const extMask = RTEXT_FILTER_SKIP_STATS
const requestFor = (by: LinkKey): Request => 'name' in by ? link.get({ ifname: by.name, extMask }, by.name) : link.get({ index: by.index, extMask }, `link ${String(by.index)}`)

function stateIn (replies: readonly Message[]): LinkState | undefined {
  const found = replies.find(({ type }) => type === link.types.new)
  return found === undefined ? undefined : linkState(link.decode(found))
}

/** As `readLink` for each, in few sends. */
export async function readEach (transport: Transport, keys: readonly LinkKey[]): Promise<(LinkState | undefined)[]> {
  const answers = await getEach(transport, await mapSlowly(keys, requestFor), constants.errno.ENODEV)
  return await mapSlowly(answers, ({ error, replies }) => {
    if (error !== undefined) throw error
    return stateIn(replies)
  })
}

/** `ip -d link show dev NAME`, or by index; undefined where there is none. Throws KernelError. */
export async function readLink (transport: Transport, by: LinkKey): Promise<LinkState | undefined> {
  try {
    return stateIn(await get(transport, requestFor(by)))
  } catch (error) {
    if (isErrno(error, 'ENODEV')) return undefined
    throw error
  }
}

/** `ip -d link show [master M] [type KIND]`; `master` is an index. Throws KernelError. */
export async function readLinks (transport: Transport, filter: { readonly kind?: string, readonly master?: number } = {}): Promise<LinkState[]> {
  return await mapSlowly(await dumpLinks(transport, filter), linkState)
}

/** Whether the link is the one that `object` says: index, name, kind and group all match. An alias or a MAC proves nothing. */
export function isOurs (state: Pick<LinkState, 'index' | 'name' | 'group' | 'kind'>, object: LinkObject): boolean {
  return state.index === object.index && state.name === object.name && state.group === object.group && state.kind === kindOf(object)
}

/** The kernel's word for it: a TAP is a `tun`. */
export function kindOf (object: Pick<LinkObject, 'type'>): string { return object.type === 'tap' ? 'tun' : object.type }

/** Seconds that the kernel holds for a bridge asked to have `delay`: STP works with 2 to 30 s. Source: net/bridge/br_stp_if.c, br_stp_start(). */
export function effectiveDelay (stp: boolean, delay: number): number { return stp ? Math.min(30, Math.max(2, delay)) : delay }

/** From a message to what we speak of. */
export function linkState (message: LinkMessage): LinkState {
  const { index = 0, ifname = '', address = '', mtu = 0, group = 0, master, flags = 0, ifalias, linkinfo } = message
  const state = linkinfo?.slaveKind === 'bridge' ? portState(linkinfo.slaveData) : undefined
  return {
    index, name: ifname, mac: address, mtu, group, up: (flags & IFF_UP) !== 0, carrier: (flags & IFF_LOWER_UP) !== 0,
    ...linkinfo?.kind === undefined ? {} : { kind: linkinfo.kind },
    ...master === undefined ? {} : { master },
    ...ifalias === undefined ? {} : { alias: ifalias },
    ...linkinfo?.kind === 'veth' ? peerState(message) : {},
    ...dataState(linkinfo?.data),
    ...state === undefined ? {} : { port: { state } },
  }
}

type LinkInfo = NonNullable<LinkMessage['linkinfo']>

function dataState (data: LinkInfo['data']): { bridge?: BridgeState, tap?: TapState } {
  if (data === undefined || data instanceof Uint8Array) return {}
  if ('forwardDelay' in data) {
    const { bridgeId = '', stpState = 0, forwardDelay = 0, vlanFiltering = 0 } = data
    return { bridge: { id: bridgeId, stp: stpState !== 0, forwardDelay: forwardDelay / 100, vlanFiltering: vlanFiltering !== 0 } }
  }
  if ('persist' in data) {
    const { vnetHdr = 0, persist = 0, numQueues = 0, numDisabledQueues = 0, multiQueue = 0, owner, group } = data
    return { tap: {
      queues: multiQueue === 0 ? 1 : numQueues + numDisabledQueues, vnetHdr: vnetHdr !== 0, persist: persist !== 0,
      ...owner === undefined ? {} : { uid: owner }, ...group === undefined ? {} : { gid: group },
    } }
  }
  return {}
}

function portState (data: LinkInfo['slaveData']): PortState | undefined {
  return data === undefined || data instanceof Uint8Array ? undefined : portStates[data.state ?? 0]
}

function peerState ({ link: index, linkNetnsid }: LinkMessage): { peer?: NonNullable<LinkState['peer']> } {
  if (index === undefined) return {}
  return { peer: { index, ...linkNetnsid === undefined ? {} : { netnsid: linkNetnsid } } }
}
