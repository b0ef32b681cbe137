/** `virsh net-dhcp-leases`. */
import type { Lease } from '../../index.js'
import { localTime } from './time.js'
import { table } from './table.js'

const header = ['Expiry Time', 'MAC address', 'Protocol', 'IP address', 'Hostname', 'Client ID or DUID']
const order = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0

/** Sorted by MAC, then by address. A lease without end prints `never`, where libvirt prints 1970-01-01. */
export function leaseTable (leases: readonly Lease[], headless: boolean): string {
  const sorted = [...leases].sort((a, b) => order(a.mac, b.mac) || order(a.ip, b.ip))
  const rows = sorted.map((lease) => [
    lease.expires === undefined ? 'never' : localTime(lease.expires), lease.mac, lease.family,
    lease.prefix === undefined ? lease.ip : `${lease.ip}/${String(lease.prefix)}`, lease.hostname ?? '-', lease.clientId ?? '-',
  ])
  return table(header, rows, headless)
}
