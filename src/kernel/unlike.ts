/** What makes a link unlike a new one, as the requests that make it like one again. Pure. */
import { link, type LinkMessage } from '../netlink/rtnl/link.js'
import type { bridge } from '../netlink/rtnl/kind/bridge.js'
import type { TableValue } from '../netlink/attr.js'
import type { Request } from '../netlink/request.js'

type BridgeData = TableValue<typeof bridge.table>

/** Attributes of every link that the kernel takes back by value. What is in neither list and differs makes a link useless for others. */
const COMMON = ['broadcast', 'mtu', 'txqlen', 'linkmode', 'protoDown', 'gsoMaxSegs', 'gsoMaxSize', 'groMaxSize', 'gsoIpv4MaxSize', 'groIpv4MaxSize'] as const satisfies readonly (keyof LinkMessage)[]
/** Those of a bridge. VLANs and the group address are not among them: that they were set is kept where nobody sees it. */
const BRIDGE = [
  'forwardDelay', 'helloTime', 'maxAge', 'ageingTime', 'stpState', 'priority', 'groupFwdMask', 'mcastRouter', 'mcastSnooping', 'mcastQueryUseIfaddr', 'mcastQuerier',
  'mcastHashMax', 'mcastLastMemberCnt', 'mcastStartupQueryCnt', 'mcastLastMemberIntvl', 'mcastMembershipIntvl', 'mcastQuerierIntvl', 'mcastQueryIntvl',
  'mcastQueryResponseIntvl', 'mcastStartupQueryIntvl', 'nfCallIptables', 'nfCallIp6tables', 'nfCallArptables', 'mcastStatsEnabled', 'mcastIgmpVersion', 'mcastMldVersion', 'fdbMaxLearned',
] as const satisfies readonly (keyof BridgeData)[]

/** `ip link set NAME …`, `sysctl -w net.ipv4.conf.NAME.…`: one message, empty where nothing differs that a message can change. By index. */
export function likenRequests (state: LinkMessage, pristine: LinkMessage): Request[] {
  const { index = 0, ifname = '' } = state
  const common = differing(COMMON, state, pristine)
  const data = bridgeData(state, pristine)
  const conf = differing(keysOf(pristine.afSpec?.inet?.conf), state.afSpec?.inet?.conf ?? {}, pristine.afSpec?.inet?.conf ?? {})
  const mode = pristine.afSpec?.inet6?.addrGenMode
  const inet6 = mode === undefined || mode === state.afSpec?.inet6?.addrGenMode ? {} : { inet6: { addrGenMode: mode } }
  const inet = Object.keys(conf).length === 0 ? {} : { inet: { conf } }
  const flags = ((state.flags ?? 0) ^ (pristine.flags ?? 0)) & SETTABLE
  const message = {
    ...common, ...(state.ifalias ?? '') === '' ? {} : { ifalias: '' }, ...(state.master ?? 0) === 0 ? {} : { master: 0 },
    ...flags === 0 ? {} : { flags: pristine.flags ?? 0, change: flags },
    ...data === undefined ? {} : { linkinfo: { kind: 'bridge', data } },
  }
  const afSpec = { ...inet, ...inet6 }
  return [
    ...Object.keys(message).length === 0 ? [] : [link.change({ index, ...message }, ifname)],
    // By itself: a link whose MTU was too small for IPv6 gets it back only with the message before.
    ...Object.keys(afSpec).length === 0 ? [] : [link.change({ index, afSpec }, ifname)],
  ]
}

/** UP, DEBUG, NOTRAILERS, NOARP, PROMISC, ALLMULTI, MULTICAST, PORTSEL, AUTOMEDIA, DYNAMIC. Source: net/core/dev.c, __dev_change_flags(). */
const SETTABLE = 0x1 | 0x4 | 0x20 | 0x80 | 0x100 | 0x200 | 0x1000 | 0x2000 | 0x4000 | 0x8000

function bridgeData (state: LinkMessage, pristine: LinkMessage): BridgeData | undefined {
  const [now, then] = [state, pristine].map(({ linkinfo }) => linkinfo?.data)
  if (!isBridge(now) || !isBridge(then)) return undefined
  const { multiBoolopt: bits } = then
  const options = bits === undefined || bits.value === now.multiBoolopt?.value ? {} : { multiBoolopt: { value: bits.value, mask: bits.mask } }
  const data = { ...differing(BRIDGE, now, then), ...options }
  return Object.keys(data).length === 0 ? undefined : data
}

function isBridge (data: unknown): data is BridgeData { return typeof data === 'object' && data !== null && !(data instanceof Uint8Array) && 'ageingTime' in data }

/** Those of `then` that are not what they are `now`. */
function differing<T extends object, K extends keyof T> (keys: readonly K[], now: Partial<T>, then: T): Partial<Pick<T, K>> {
  const found: Partial<Pick<T, K>> = {}
  for (const key of keys) if (then[key] !== undefined && then[key] !== now[key]) found[key] = then[key]
  return found
}

function keysOf<T extends object> (value: T | undefined): (keyof T & string)[] {
  const keys: (keyof T & string)[] = []
  for (const key in value) if (key !== 'rest' && key !== 'forwarding') keys.push(key)
  return keys
}
