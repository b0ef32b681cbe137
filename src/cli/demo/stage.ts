/** Where the demonstration plays: three network namespaces of its own and a directory, made and removed by netwright itself. */
import { chmod, mkdir, open, readdir, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { addr, AF_INET, call, IFF_UP, link, NETLINK_ROUTE, openChannel, route, RT_TABLE_MAIN, RTN_UNICAST, RTPROT_BOOT, type Transport } from 'netwright/rtnl'
import { createNetns, deleteNetns } from '../../index.js'
import { codeOf, Failure } from '../failure.js'
import { indexOf } from './await-link.js'
import { inside, type Inside } from './inside.js'

/** From the ranges for examples, so that nobody takes them for real ones: RFC 5737. */
export const internet = { gateway: '203.0.113.1', host: '203.0.113.2', prefix: 24, web: '198.51.100.80', name: 'www.example.com' } as const

/** Where iproute2 keeps named namespaces. */
export const NAMESPACES = '/run/netns'
/** Below /run every user may look up a path, as dnsmasq's own user must. */
export const DIRECTORIES = '/run'
/** What the names of all of it begin with; a process id follows. */
export const PREFIX = 'nw-demo-'

/** One namespace: its name, its rtnetlink, and a helper process in it. */
export interface Place {
  readonly name: string
  readonly path: string
  /** An open descriptor of it. */
  readonly fd: number
  /** As /proc/PID/ns/net shows it, the identity that all its processes share. */
  readonly inode: string
  readonly rtnl: Transport
  readonly agent: Inside
}

export type Role = 'internet' | 'host' | 'guest'
export const roles: readonly Role[] = ['internet', 'host', 'guest']

export interface Stage extends Readonly<Record<Role, Place>> {
  /** Configuration, state and run files of the demonstration's netwright. */
  readonly root: string
  /** Removes everything. Resolves when it is gone, with the name of whatever is not. Twice is fine. */
  clear (): Promise<readonly string[]>
}

/** Makes the namespaces, each with loopback up and a helper in it. What a part has made is removed when another fails. */
export async function setStage (signal: AbortSignal): Promise<Stage> {
  const own = `${PREFIX}${String(process.pid)}`
  const root = join(DIRECTORIES, own)
  const undo: (() => Promise<unknown>)[] = []
  const clear = async (): Promise<readonly string[]> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step()
    return await standing(own)
  }
  const make = async (role: Role): Promise<Place> => {
    const name = `${own}-${role}`
    await createNetns(name)
    undo.push(() => deleteNetns(name))
    const path = join(NAMESPACES, name)
    const handle: FileHandle = await open(path)
    undo.push(() => handle.close())
    const rtnl = await openChannel({ protocol: NETLINK_ROUTE, netns: handle.fd })
    undo.push(() => rtnl.close())
    const agent = await inside(path, signal)
    undo.push(() => agent.end())
    await call(rtnl, link.change({ ifname: 'lo', flags: IFF_UP, change: IFF_UP }, 'lo'))
    return { name, path, fd: handle.fd, inode: String((await handle.stat()).ino), rtnl, agent }
  }
  try {
    await mkdir(root)
    undo.push(() => rm(root, { recursive: true, force: true }))
    await chmod(root, 0o711)
    const places = { internet: await make('internet'), host: await make('host'), guest: await make('guest') }
    return { ...places, root, clear }
  } catch (error) {
    await clear()
    throw refused(error)
  }
}

/** Who may not make namespaces is told who may. */
export function refused (error: unknown): unknown {
  const name = typeof error === 'object' && error !== null && 'errnoName' in error ? error.errnoName : codeOf(error)
  if (name !== 'EPERM' && name !== 'EACCES' && name !== 'EROFS') return error
  return new Failure({ driver: 'this user may not make network namespaces', remedy: 'sudo netwright demo; or from a checkout scripts/quickstart, which makes a user namespace for it' }, error)
}

/** What carries our name and still stands. */
async function standing (own: string): Promise<readonly string[]> {
  const names = await Promise.all([DIRECTORIES, NAMESPACES].map(async (directory) => (await readdir(directory).catch(() => [])).map((name) => join(directory, name))))
  return names.flat().filter((path) => path.split('/').some((part) => part === own || part.startsWith(`${own}-`)))
}

/** `ip addr add ADDRESS/PREFIX dev INDEX`. */
async function address ({ rtnl }: Place, index: number, local: string, prefixlen: number): Promise<void> {
  await call(rtnl, addr.create({ family: AF_INET, index, prefixlen, local, address: local }, local))
}

/** `ip route add DESTINATION via GATEWAY`; without a destination the default route. */
async function via ({ rtnl }: Place, gateway: string, dst?: { readonly address: string, readonly prefix: number }): Promise<void> {
  const to = dst === undefined ? {} : { dst: dst.address, dstLen: dst.prefix }
  await call(rtnl, route.create({ family: AF_INET, ...to, shortTable: RT_TABLE_MAIN, type: RTN_UNICAST, protocol: RTPROT_BOOT, gateway }, `route via ${gateway}`))
}

const LOOPBACK = 1

/** `ip link add eth0 netns INTERNET type veth peer name wan0 netns HOST`, addresses, the host's default route. */
export async function layCable ({ internet: outside, host }: Stage, signal: AbortSignal): Promise<void> {
  await call(outside.rtnl, link.create({ ifname: 'eth0', linkinfo: { kind: 'veth', data: { peer: { ifname: 'wan0', netNsFd: host.fd } } } }, 'eth0'))
  const ends = [[outside, 'eth0', internet.gateway], [host, 'wan0', internet.host]] as const
  for (const [place, ifname, local] of ends) {
    const index = await indexOf(place, ifname)
    // No link-local address and no multicast route that come later by themselves: what stands before is compared with what stands after.
    await place.agent.ask(signal, 'withoutIpv6', ifname)
    await call(place.rtnl, link.change({ index, flags: IFF_UP, change: IFF_UP }, ifname))
    await address(place, index, local, internet.prefix)
  }
  await address(outside, LOOPBACK, internet.web, 32)
  await via(host, internet.gateway)
}

/** Gives the internet a way to a guest, which no real one has: what keeps it out then is the firewall alone. `ip route add IP via HOST`. */
export async function leadTo ({ internet: outside }: Stage, ip: string): Promise<void> { await via(outside, internet.host, { address: ip, prefix: 32 }) }

/** What `ip addr` and `ip route` would do with a lease. */
export async function settleGuest (guest: Place, dev: string, lease: { readonly ip: string, readonly prefix: number, readonly router: string }): Promise<void> {
  await address(guest, await indexOf(guest, dev), lease.ip, lease.prefix)
  await via(guest, lease.router)
}

/** The file that names the host's name server, as /etc/resolv.conf does. */
export async function resolvConf ({ root }: Stage): Promise<string> {
  const path = join(root, 'resolv.conf')
  await writeFile(path, `nameserver ${internet.gateway}\n`)
  return path
}
