/** The subnet that `<ip>` and `<route>` speak of, from whichever of `prefix` and `netmask` is there. Pure. */
import { cidrOf, netmaskToPrefix, type Cidr } from '../values/cidr.js'
import { ipFamily, ipToBytes, parseIp, type Ip, type IpFamily } from '../values/ip.js'

/** What `<ip>` and `<route>` have in common. */
interface Addressed { readonly address: string, readonly netmask?: string | undefined, readonly prefix?: number | undefined }

/** 4 or 6: by the address, which `check()` compares with a `family` that is given. */
export function familyOf ({ address }: Pick<Addressed, 'address'>): IpFamily { return ipFamily(parseIp(address)) }

/** The class of an IPv4 address, 0.0.0.0 and :: as default routes, else 64. Source: libvirt, virSocketAddrGetIPPrefix. */
function defaultPrefix (address: Ip): number {
  const bytes = ipToBytes(address)
  if (bytes.every((byte) => byte === 0)) return 0
  if (bytes.length === 16) return 64
  const [first = 0] = bytes
  return first < 128 ? 8 : first < 192 ? 16 : first < 224 ? 24 : 0
}

/** The address with its prefix length, as it is written: `192.168.123.1/24`, host bits kept. Throws InputError. */
export function subnetOf ({ address, netmask, prefix }: Addressed): Cidr {
  const ip = parseIp(address)
  return cidrOf(ip, prefix ?? (netmask === undefined ? defaultPrefix(ip) : netmaskToPrefix(parseIp(netmask))))
}
