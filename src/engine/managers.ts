/**
 * Who else looks after a link: found in files, never asked and never fought. Their state says which links they own; what they would have to be told to make the
 * same bridge is printed.
 */
import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { belongings, readFootprint, type Footprint } from '../kernel/footprint.js'
import type { Known } from '../kernel/link.js'
import type { Netns } from '../kernel/netns.js'
import { AF_INET6, IFA_F_PERMANENT, RT_SCOPE_LINK } from '../netlink/rtnl/addr.js'
import type { Transport } from '../netlink/transport.js'
import type { ManagerAdvice } from './host-bridge-api.js'
import type { HostBridgeDefinition } from './host-bridge-store.js'
import { namesIn, readIfThere } from './files.js'
import { configurations, type Wish } from './manager-words.js'

type Manager = ManagerAdvice['manager']
const CLIENTS = ['dhclient', 'dhcpcd', 'udhcpc'] as const

/** Those whose files say that they own the link. `root` is `/` but in tests. Sources: NetworkManager, src/core/NetworkManagerUtils.c (/run/NetworkManager/devices); systemd, src/network/networkd-state-file.c; ifup(8). */
export async function managersOf ({ name, index }: Known, root = '/'): Promise<Manager[]> {
  const [nm, networkd, ifstate, interfaces] = await Promise.all([
    `run/NetworkManager/devices/${String(index)}`, `run/systemd/netif/links/${String(index)}`, `run/network/ifstate.${name}`, 'etc/network/interfaces',
  ].map(async (path) => await readIfThere(join(root, path)).catch(() => undefined)))
  const found: Manager[] = []
  if (nm !== undefined && /^managed(?:-type)?=(?:full|true|1)$/m.test(nm)) found.push('NetworkManager')
  if (networkd !== undefined && !/^ADMIN_STATE=(?:unmanaged|pending|initialized)$/m.test(networkd) && /^ADMIN_STATE=/m.test(networkd)) found.push('systemd-networkd')
  if (found.length > 0 && await inNetplan(name, root)) found.splice(0, found.length, 'netplan')
  const words = new RegExp(`^\\s*(?:auto|allow-hotplug|iface)\\s(?:.*\\s)?${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?:\\s|$)`, 'm')
  if ((ifstate ?? '').trim() !== '' || words.test(interfaces ?? '')) found.push('ifupdown')
  return found
}

async function inNetplan (name: string, root: string): Promise<boolean> {
  const directory = join(root, 'etc/netplan')
  const files = (await namesIn(directory)).filter((file) => file.endsWith('.yaml'))
  const texts = await Promise.all(files.map(async (file) => await readIfThere(join(directory, file)).catch(() => undefined)))
  return texts.some((text) => (text ?? '').split(/\r?\n/).some((line) => line.trim().replace(/["']/g, '') === `${name}:`))
}

/** DHCP clients that run for a link in the namespace. `ps`. */
async function clientsOf (name: string, netns: Pick<Netns, 'inode'>): Promise<Manager[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))
  const found = await Promise.all(pids.map(async (pid): Promise<Manager | undefined> => {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
    const client = CLIENTS.find((one) => words[0]?.split('/').pop() === one)
    if (client === undefined || !words.includes(name)) return undefined
    return await readlink(`/proc/${pid}/ns/net`).catch(() => '') === `net:[${netns.inode}]` ? client : undefined
  }))
  return [...new Set(found.filter((one) => one !== undefined))]
}

/** What the bridge has, as a manager would be told it. */
export function wishOf (definition: HostBridgeDefinition, dev: string, mac: string, footprint: Footprint): Wish {
  const { addresses, routes } = belongings(footprint)
  const own = addresses.filter(({ scope, family, flags = 0 }) => !(family === AF_INET6 && scope === RT_SCOPE_LINK) && (flags & IFA_F_PERMANENT) !== 0)
  const gateways = new Set(routes.filter(({ dstLen = 0, protocol }) => dstLen === 0 && protocol !== 9).map(({ gateway }) => gateway).filter((gateway) => gateway !== undefined))
  return { bridge: definition.name, dev, mac, addresses: own.map(({ local, address, prefixlen = 0 }) => `${local ?? address ?? ''}/${String(prefixlen)}`), gateways: own.length === 0 ? [] : [...gateways] }
}

/** What to tell those who look after the links that a host bridge takes. They look after the host's own namespace: in others only DHCP clients are looked for. */
export async function advice (definition: HostBridgeDefinition, sources: readonly (Known & { readonly mac: string })[], { netns, rtnl }: { readonly netns: Netns, readonly rtnl: Transport }): Promise<ManagerAdvice[]> {
  const initial = await stat('/proc/1/ns/net', { bigint: true }).then(({ ino }) => String(ino) === netns.inode, () => false)
  const lists = await Promise.all(sources.map(async (source) => {
    const managers = [...initial ? await managersOf(source) : [], ...await clientsOf(source.name, netns)]
    if (managers.length === 0) return []
    const wish = wishOf(definition, source.name, source.mac, await readFootprint(rtnl, source.index))
    return managers.map((manager): ManagerAdvice => ({ manager, dev: source.name, configuration: configurations[manager](wish) }))
  }))
  return lists.flat()
}
