/**
 * The settings of an interface that /proc/sys/net/ipv4/conf/DEV and ipv6/conf/DEV show, as links carry them.
 * Source: include/uapi/linux/ip.h, IPV4_DEVCONF_*; include/uapi/linux/ipv6.h, DEVCONF_*; net/ipv4/devinet.c, inet_fill_link_af() and inet_set_link_af().
 */
import { s32 } from '../../bytes/codec.js'
import { Writer } from '../../bytes/writer.js'
import { attr, decodeTable, nest, type Nest, type Table, type TableValue } from '../attr.js'

/** An array of numbers, read as if each were an attribute; the first one's number is `first`. What no row names is kept in `rest`. */
function fromArray<T extends Table> (table: T, first: number, data: Buffer): TableValue<T> {
  const w = new Writer(data.length * 2)
  for (let at = 0, number = first; at + 4 <= data.length; at += 4, number++) {
    w.u16(8); w.u16(number); w.bytes(data.subarray(at, at + 4))
  }
  return decodeTable(table, w.take())
}

const ipv4 = {
  forwarding:                      attr('IPV4_DEVCONF_FORWARDING', 1, s32),
  mcForwarding:                    attr('IPV4_DEVCONF_MC_FORWARDING', 2, s32),
  proxyArp:                        attr('IPV4_DEVCONF_PROXY_ARP', 3, s32),
  acceptRedirects:                 attr('IPV4_DEVCONF_ACCEPT_REDIRECTS', 4, s32),
  secureRedirects:                 attr('IPV4_DEVCONF_SECURE_REDIRECTS', 5, s32),
  sendRedirects:                   attr('IPV4_DEVCONF_SEND_REDIRECTS', 6, s32),
  sharedMedia:                     attr('IPV4_DEVCONF_SHARED_MEDIA', 7, s32),
  rpFilter:                        attr('IPV4_DEVCONF_RP_FILTER', 8, s32),
  acceptSourceRoute:               attr('IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE', 9, s32),
  bootpRelay:                      attr('IPV4_DEVCONF_BOOTP_RELAY', 10, s32),
  logMartians:                     attr('IPV4_DEVCONF_LOG_MARTIANS', 11, s32),
  tag:                             attr('IPV4_DEVCONF_TAG', 12, s32),
  arpfilter:                       attr('IPV4_DEVCONF_ARPFILTER', 13, s32),
  mediumId:                        attr('IPV4_DEVCONF_MEDIUM_ID', 14, s32),
  noxfrm:                          attr('IPV4_DEVCONF_NOXFRM', 15, s32),
  nopolicy:                        attr('IPV4_DEVCONF_NOPOLICY', 16, s32),
  forceIgmpVersion:                attr('IPV4_DEVCONF_FORCE_IGMP_VERSION', 17, s32),
  arpAnnounce:                     attr('IPV4_DEVCONF_ARP_ANNOUNCE', 18, s32),
  arpIgnore:                       attr('IPV4_DEVCONF_ARP_IGNORE', 19, s32),
  promoteSecondaries:              attr('IPV4_DEVCONF_PROMOTE_SECONDARIES', 20, s32),
  arpAccept:                       attr('IPV4_DEVCONF_ARP_ACCEPT', 21, s32),
  arpNotify:                       attr('IPV4_DEVCONF_ARP_NOTIFY', 22, s32),
  acceptLocal:                     attr('IPV4_DEVCONF_ACCEPT_LOCAL', 23, s32),
  srcVmark:                        attr('IPV4_DEVCONF_SRC_VMARK', 24, s32),
  proxyArpPvlan:                   attr('IPV4_DEVCONF_PROXY_ARP_PVLAN', 25, s32),
  routeLocalnet:                   attr('IPV4_DEVCONF_ROUTE_LOCALNET', 26, s32),
  igmpv2UnsolicitedReportInterval: attr('IPV4_DEVCONF_IGMPV2_UNSOLICITED_REPORT_INTERVAL', 27, s32),
  igmpv3UnsolicitedReportInterval: attr('IPV4_DEVCONF_IGMPV3_UNSOLICITED_REPORT_INTERVAL', 28, s32),
  ignoreRoutesWithLinkdown:        attr('IPV4_DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN', 29, s32),
  dropUnicastInL2Multicast:        attr('IPV4_DEVCONF_DROP_UNICAST_IN_L2_MULTICAST', 30, s32),
  dropGratuitousArp:               attr('IPV4_DEVCONF_DROP_GRATUITOUS_ARP', 31, s32),
  bcForwarding:                    attr('IPV4_DEVCONF_BC_FORWARDING', 32, s32),
  arpEvictNocarrier:               attr('IPV4_DEVCONF_ARP_EVICT_NOCARRIER', 33, s32),
}

/** IFLA_INET_CONF. The kernel reports an array of all settings and takes a nest of those to be changed. `sysctl net.ipv4.conf.DEV.*`. */
export const ipv4Conf: Nest<typeof ipv4> = { ...nest(ipv4), name: 'ipv4 conf', decode: (data) => fromArray(ipv4, 1, data) }

const ipv6 = {
  forwarding:                     attr('DEVCONF_FORWARDING', 0, s32),
  hoplimit:                       attr('DEVCONF_HOPLIMIT', 1, s32),
  mtu6:                           attr('DEVCONF_MTU6', 2, s32),
  acceptRa:                       attr('DEVCONF_ACCEPT_RA', 3, s32),
  acceptRedirects:                attr('DEVCONF_ACCEPT_REDIRECTS', 4, s32),
  autoconf:                       attr('DEVCONF_AUTOCONF', 5, s32),
  dadTransmits:                   attr('DEVCONF_DAD_TRANSMITS', 6, s32),
  rtrSolicits:                    attr('DEVCONF_RTR_SOLICITS', 7, s32),
  rtrSolicitInterval:             attr('DEVCONF_RTR_SOLICIT_INTERVAL', 8, s32),
  rtrSolicitDelay:                attr('DEVCONF_RTR_SOLICIT_DELAY', 9, s32),
  useTempaddr:                    attr('DEVCONF_USE_TEMPADDR', 10, s32),
  tempValidLft:                   attr('DEVCONF_TEMP_VALID_LFT', 11, s32),
  tempPreferedLft:                attr('DEVCONF_TEMP_PREFERED_LFT', 12, s32),
  regenMaxRetry:                  attr('DEVCONF_REGEN_MAX_RETRY', 13, s32),
  maxDesyncFactor:                attr('DEVCONF_MAX_DESYNC_FACTOR', 14, s32),
  maxAddresses:                   attr('DEVCONF_MAX_ADDRESSES', 15, s32),
  forceMldVersion:                attr('DEVCONF_FORCE_MLD_VERSION', 16, s32),
  acceptRaDefrtr:                 attr('DEVCONF_ACCEPT_RA_DEFRTR', 17, s32),
  acceptRaPinfo:                  attr('DEVCONF_ACCEPT_RA_PINFO', 18, s32),
  acceptRaRtrPref:                attr('DEVCONF_ACCEPT_RA_RTR_PREF', 19, s32),
  rtrProbeInterval:               attr('DEVCONF_RTR_PROBE_INTERVAL', 20, s32),
  acceptRaRtInfoMaxPlen:          attr('DEVCONF_ACCEPT_RA_RT_INFO_MAX_PLEN', 21, s32),
  proxyNdp:                       attr('DEVCONF_PROXY_NDP', 22, s32),
  optimisticDad:                  attr('DEVCONF_OPTIMISTIC_DAD', 23, s32),
  acceptSourceRoute:              attr('DEVCONF_ACCEPT_SOURCE_ROUTE', 24, s32),
  mcForwarding:                   attr('DEVCONF_MC_FORWARDING', 25, s32),
  disableIpv6:                    attr('DEVCONF_DISABLE_IPV6', 26, s32),
  acceptDad:                      attr('DEVCONF_ACCEPT_DAD', 27, s32),
  forceTllao:                     attr('DEVCONF_FORCE_TLLAO', 28, s32),
  ndiscNotify:                    attr('DEVCONF_NDISC_NOTIFY', 29, s32),
  mldv1UnsolicitedReportInterval: attr('DEVCONF_MLDV1_UNSOLICITED_REPORT_INTERVAL', 30, s32),
  mldv2UnsolicitedReportInterval: attr('DEVCONF_MLDV2_UNSOLICITED_REPORT_INTERVAL', 31, s32),
  suppressFragNdisc:              attr('DEVCONF_SUPPRESS_FRAG_NDISC', 32, s32),
  acceptRaFromLocal:              attr('DEVCONF_ACCEPT_RA_FROM_LOCAL', 33, s32),
  useOptimistic:                  attr('DEVCONF_USE_OPTIMISTIC', 34, s32),
  acceptRaMtu:                    attr('DEVCONF_ACCEPT_RA_MTU', 35, s32),
  stableSecret:                   attr('DEVCONF_STABLE_SECRET', 36, s32),
  useOifAddrsOnly:                attr('DEVCONF_USE_OIF_ADDRS_ONLY', 37, s32),
  acceptRaMinHopLimit:            attr('DEVCONF_ACCEPT_RA_MIN_HOP_LIMIT', 38, s32),
  ignoreRoutesWithLinkdown:       attr('DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN', 39, s32),
  dropUnicastInL2Multicast:       attr('DEVCONF_DROP_UNICAST_IN_L2_MULTICAST', 40, s32),
  dropUnsolicitedNa:              attr('DEVCONF_DROP_UNSOLICITED_NA', 41, s32),
  keepAddrOnDown:                 attr('DEVCONF_KEEP_ADDR_ON_DOWN', 42, s32),
  rtrSolicitMaxInterval:          attr('DEVCONF_RTR_SOLICIT_MAX_INTERVAL', 43, s32),
  seg6Enabled:                    attr('DEVCONF_SEG6_ENABLED', 44, s32),
  seg6RequireHmac:                attr('DEVCONF_SEG6_REQUIRE_HMAC', 45, s32),
  enhancedDad:                    attr('DEVCONF_ENHANCED_DAD', 46, s32),
  addrGenMode:                    attr('DEVCONF_ADDR_GEN_MODE', 47, s32),
  disablePolicy:                  attr('DEVCONF_DISABLE_POLICY', 48, s32),
  acceptRaRtInfoMinPlen:          attr('DEVCONF_ACCEPT_RA_RT_INFO_MIN_PLEN', 49, s32),
  ndiscTclass:                    attr('DEVCONF_NDISC_TCLASS', 50, s32),
  rplSegEnabled:                  attr('DEVCONF_RPL_SEG_ENABLED', 51, s32),
  raDefrtrMetric:                 attr('DEVCONF_RA_DEFRTR_METRIC', 52, s32),
  ioam6Enabled:                   attr('DEVCONF_IOAM6_ENABLED', 53, s32),
  ioam6Id:                        attr('DEVCONF_IOAM6_ID', 54, s32),
  ioam6IdWide:                    attr('DEVCONF_IOAM6_ID_WIDE', 55, s32),
  ndiscEvictNocarrier:            attr('DEVCONF_NDISC_EVICT_NOCARRIER', 56, s32),
  acceptUntrackedNa:              attr('DEVCONF_ACCEPT_UNTRACKED_NA', 57, s32),
  acceptRaMinLft:                 attr('DEVCONF_ACCEPT_RA_MIN_LFT', 58, s32),
}

/** IFLA_INET6_CONF: an array of all settings, read only. `sysctl net.ipv6.conf.DEV.*`. */
export const ipv6Conf: Nest<typeof ipv6> = {
  ...nest(ipv6), name: 'ipv6 conf',
  encode: () => { throw new RangeError('the kernel takes no IPv6 settings of a link but its address generation mode and token') },
  decode: (data) => fromArray(ipv6, 0, data),
}
