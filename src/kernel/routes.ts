/** The host's routes as they are now: read once, then kept up to date by what the kernel tells (see route-map.ts). Opens its socket when it is first asked. */
import { pacer } from '../netlink/breathe.js'
import { dump } from '../netlink/call.js'
import { Letterbox, type Instruction } from '../netlink/letterbox.js'
import { NETLINK_ROUTE } from '../netlink/header.js'
import { AF_INET, AF_INET6 } from '../netlink/rtnl/addr.js'
import { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE } from '../netlink/rtnl/groups.js'
import { route, RTN_BROADCAST } from '../netlink/rtnl/route.js'
import type { Transport } from '../netlink/transport.js'
import { RouteMap } from './route-map.js'

/** More prefixes are not kept in memory: a host with the whole internet's routes reads them at each start. */
const MOST = 50_000

/** Bytes: some thousand changes, as many as a large batch makes. */
const RECEIVE_BUFFER = 1 << 20

/** BPF_LD | BPF_B | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K. Source: include/uapi/linux/bpf_common.h. */
const BPF = { byte: 0x30, equal: 0x15, keep: 0x06 } as const
/** rtm_type lies behind the header of 16 bytes. Every address brings a broadcast route, which is in nobody's way. */
const interesting: readonly Instruction[] = [
  { code: BPF.byte, k: 16 + 7 },
  { code: BPF.equal, jt: 1, jf: 0, k: RTN_BROADCAST },
  { code: BPF.keep, k: 0xffff_ffff },
  { code: BPF.keep, k: 0 },
]

export class Routes {
  readonly #transport: Transport
  readonly #netns: number
  #letterbox: Letterbox | undefined
  #map: RouteMap | undefined
  #closed = false

  /** `netns`: the descriptor of the transport's namespace, -1 for our own. */
  constructor (transport: Transport, netns: number) {
    this.#transport = transport
    this.#netns = netns
  }

  /**
   * As they are: what anybody has changed before this call is in it, or is gone but for what `RouteMap` says. `afresh`: certainly as they are.
   * One at a time: callers hold the namespace's lock. Throws KernelError, NETWRIGHT_UNKNOWN_OUTCOME.
   */
  async current ({ afresh = false }: { readonly afresh?: boolean } = {}): Promise<RouteMap> {
    const map = this.#map
    this.#map = undefined // until all is heard
    if (map !== undefined && this.#letterbox !== undefined && !afresh && await this.#letterbox.hear((message) => { map.apply(message) })) return this.#map = map
    if (!this.#closed) this.#letterbox ??= await this.#listen()
    const read = await this.#read()
    if (this.#letterbox !== undefined && read.size <= MOST) this.#map = read
    return read
  }

  async #listen (): Promise<Letterbox> {
    const letterbox = await Letterbox.open({ protocol: NETLINK_ROUTE, netns: this.#netns, groups: [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE], filter: interesting, receiveBuffer: RECEIVE_BUFFER })
    if (this.#closed) letterbox.close()
    return letterbox
  }

  /** What changes while they are read is heard afterwards: a route that is added twice is one, and one that went meanwhile stays for a moment. */
  async #read (): Promise<RouteMap> {
    const map = new RouteMap()
    const pace = pacer()
    for (const family of [AF_INET, AF_INET6]) {
      for (const message of await dump(this.#transport, route.dump({ family }))) {
        map.apply(message)
        await pace()
      }
    }
    return map
  }

  close (): void {
    this.#closed = true
    this.#letterbox?.close()
  }
}
