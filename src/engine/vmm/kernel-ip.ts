/** A guest's address as a boot parameter of its kernel. Pure. Source: Documentation/admin-guide/nfs/nfsroot.rst, `ip=`; net/ipv4/ipconfig.c. */
import { InputError } from '../../errors.js'
import { isLeaseName } from '../../dnsmasq/hosts.js'
import { parseIfName } from '../../values/ifname.js'
import type { PortInfo } from '../port-api.js'

export interface KernelIpOptions {
  /** What the guest calls the interface. Default `eth0`. */
  readonly dev?: string
  /** What the guest is called. Default: the name of the port's static lease. */
  readonly hostname?: string
}

/**
 * `ip=192.168.123.57::192.168.123.1:255.255.255.0:vm1:eth0:off:192.168.123.1`: client, server (none), gateway, netmask, name, device, no
 * autoconfiguration, name servers (two at most). A port without a reserved address asks DHCP: `ip=:::::eth0:dhcp`. Throws InputError.
 */
export function kernelIp (port: Pick<PortInfo, 'ip' | 'prefix' | 'gateway' | 'dns' | 'hostname'>, { dev = 'eth0', hostname = port.hostname ?? '' }: KernelIpOptions = {}): string {
  const { ip, prefix, gateway = '', dns } = port
  const name = parseIfName(dev, 'dev')
  if (hostname !== '' && !isLeaseName(hostname)) throw new InputError([{ path: 'hostname', message: `${JSON.stringify(hostname.slice(0, 80))} is not a host name` }])
  if (ip === undefined || prefix === undefined) return `ip=::::${hostname}:${name}:dhcp`
  return `ip=${[ip, '', gateway, netmask(prefix), hostname, name, 'off', ...dns.slice(0, 2)].join(':')}`
}

const netmask = (prefix: number): string => [24, 16, 8, 0].map((shift) => String((prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> shift) & 255)).join('.')
