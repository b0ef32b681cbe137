/** The way in: one owner's networks in one namespace. */
import { randomBytes } from 'node:crypto'
import { access, stat } from 'node:fs/promises'
import { basename, isAbsolute, join } from 'node:path'
import { InputError } from '../errors.js'
import { hostFacts, missingCapabilities, requireCapabilities } from '../kernel/host.js'
import { openNetns, type Netns } from '../kernel/netns.js'
import { tableName } from '../kernel/ruleset.js'
import { silent } from '../log.js'
import { openChannel } from '../netlink/channel.js'
import { NETLINK_NETFILTER, NETLINK_ROUTE } from '../netlink/header.js'
import { parseCidr } from '../values/cidr.js'
import type { Host, HostOptions } from './api.js'
import { Book } from './book.js'
import { linkGroup, locked, owned, type Context } from './context.js'
import { Flows } from './flows.js'
import { Graves } from './graves.js'
import { HostHandle } from './host-handle.js'
import { reapDead } from './lifetime.js'
import { places } from './places.js'
import { defaultPools } from './pool.js'
import { needsRecovery, recover, type Means } from './recovery.js'
import { Reaper } from './reaper.js'
import { Sexton } from './sexton.js'
import type { StepHook } from './steps.js'
import { Store } from './store.js'
import { typedError } from './system-error.js'
import { Tallies } from './tallies.js'

/** What fault tests hand in; not a part of the public options. */
export interface Internals { readonly hook?: StepHook }

/** Shared by all owners of a namespace, whatever their roots: see places.ts. */
const SHARED = '/run/netwright'

/**
 * Opens a host. Finishes or undoes what a killed process of this owner left. Needs no privilege to read definitions.
 * Throws NETWRIGHT_INVALID, NETWRIGHT_NO_NAMESPACE, NETWRIGHT_ADDON_MISSING, NETWRIGHT_LOCKED, KernelError.
 */
export async function openHost (options: HostOptions = {}, internals: Internals = {}): Promise<Host> {
  const { owner, root } = checked(options)
  const netns = await opened(options.netns)
  const closers: (() => void | Promise<void>)[] = [() => { netns.close() }]
  try {
    const tallies = new Tallies({ owner, netns: netns.path })
    const rtnl = await openChannel({ protocol: NETLINK_ROUTE, netns: netns.fd, tally: tallies.kernel })
    closers.unshift(async () => { await rtnl.close() })
    const nft = await openChannel({ protocol: NETLINK_NETFILTER, netns: netns.fd, tally: tallies.kernel })
    closers.unshift(async () => { await nft.close() })
    const at = places(root, owner, { id: netns.id, initial: await isInitial(netns) }, SHARED)
    const logger = (options.logger ?? silent).child({ owner })
    const graves = new Graves(at.graves)
    const flows = new Flows({ netns: netns.fd, nft, rtnl, logger, tally: tallies.kernel })
    closers.unshift(async () => { await flows.ended() })
    const sexton = new Sexton({ graves, flows, netns: netns.fd, logger, tally: tallies.kernel, hook: internals.hook })
    closers.unshift(async () => { await sexton.ended() })
    const lifetime = options.lifetime === 'process' ? randomBytes(9).toString('hex') : undefined
    const context: Context = {
      owner, places: at, logger, netns, rtnl, nft, store: new Store(at.networks, logger), book: new Book(at, lifetime), graves, sexton, flows, tallies,
      table: tableName(owner), group: linkGroup(owner), pools: options.pools ?? defaultPools, lockTimeout: options.lockTimeout ?? 30_000,
      ipv6: (await hostFacts(netns.fd)).ipv6,
      resolvConf: options.resolvConf ?? await resolvConfOf(options.netns), hook: internals.hook, ...lifetime === undefined ? {} : { lifetime },
    }
    const host = new HostHandle(context, options.supervise ?? true, closers)
    if (missingCapabilities('network').length === 0) {
      await recoverAll({ context, daemons: host.daemons }, options.signal)
      if (lifetime !== undefined) closers.push(await watchedOver(context, root))
    }
    await host.follow()
    return host
  } catch (error) {
    for (const close of closers) await close()
    throw typedError(error)
  }
}

/** Whoever may not change networks may look at them all the same, with what a dead process left. */
async function recoverAll ({ context, daemons }: Means, signal: AbortSignal | undefined): Promise<void> {
  const { store, graves, sexton, flows } = context
  if (await needsRecovery(context)) await locked(context, 'recover', signal, async () => { await recover({ context, daemons }) })
  await reapDead({ context, daemons })
  const orphans = await graves.orphans()
  flows.forget(orphans.flatMap((grave) => grave.flows ?? []))
  sexton.take(orphans)
  if (await store.littered()) await owned(context, 'recover', signal, async () => { await store.sweep() })
}

/** Somebody who clears up after us, before there is anything to clear up; the last to be let go. */
async function watchedOver ({ owner, places, netns, logger }: Context, root: string): Promise<() => Promise<void>> {
  const reaper = await Reaper.start({ estate: { owner, root, complaints: places.complaints }, netns: netns.fd, logger })
  return async () => { await reaper.end() }
}

/** Without CAP_SYS_ADMIN nobody may enter a namespace, not even the one where it is: then our own needs no entering. Throws NETWRIGHT_NO_PERMISSION for another. */
async function opened (where: string | number | undefined): Promise<Netns> {
  if (where !== undefined) requireCapabilities('namespace')
  const netns = await openNetns(where)
  return missingCapabilities('namespace').includes('CAP_SYS_ADMIN') ? { ...netns, fd: -1 } : netns
}

/** What each option is. Others are not looked at: an object may carry more than is asked for, as the compiler allows. */
const KINDS = { owner: ['string'], root: ['string'], netns: ['string', 'number'], logger: ['object'], pools: ['object'], lockTimeout: ['number'], resolvConf: ['string'], supervise: ['boolean'], lifetime: ['string'], signal: ['object'] } as const satisfies Record<keyof HostOptions, readonly string[]>

/** What the compiler says to those who ask it. Throws NETWRIGHT_INVALID. */
function checkKinds (options: unknown): void {
  if (typeof options !== 'object' || options === null) throw new InputError([{ path: 'options', message: 'not an object' }])
  const kinds = new Map<string, readonly string[]>(Object.entries(KINDS))
  const issues = Object.entries(options).flatMap(([path, value]: [string, unknown]) => {
    const wanted = kinds.get(path)
    return wanted === undefined || value === undefined || (value !== null && wanted.includes(typeof value)) ? [] : [{ path, message: `expected ${wanted.map((kind) => `${kind === 'object' ? 'an' : 'a'} ${kind}`).join(' or ')}` }]
  })
  if (issues.length > 0) throw new InputError(issues)
}

function checked (options: HostOptions): { readonly owner: string, readonly root: string } {
  checkKinds(options)
  const { owner = 'system', root = '/', pools = [], lockTimeout = 0, lifetime = 'unlimited' } = options
  const issues = []
  if (!/^[A-Za-z0-9_][A-Za-z0-9_-]{0,31}$/.test(owner) || owner === 'guard') issues.push({ path: 'owner', message: `${JSON.stringify(owner)} is not an owner: 1 to 32 letters, digits, _ and -, and not "guard"` })
  if (!isAbsolute(root) || root.includes('\0')) issues.push({ path: 'root', message: `${JSON.stringify(root)} is not an absolute path` })
  if (!['process', 'unlimited'].includes(lifetime)) issues.push({ path: 'lifetime', message: `${JSON.stringify(lifetime)} is not a lifetime: process, unlimited` })
  if (!Number.isFinite(lockTimeout) || lockTimeout < 0) issues.push({ path: 'lockTimeout', message: 'not a number of milliseconds' })
  for (const [i, pool] of pools.entries()) {
    try { parseCidr(pool) } catch (error) {
      if (!(error instanceof InputError)) throw error
      issues.push({ path: `pools[${String(i)}]`, message: error.message })
    }
  }
  if (issues.length > 0) throw new InputError(issues)
  return { owner, root }
}

/** Whether this is the namespace of process 1. Where that cannot be seen, it is not. */
async function isInitial (netns: Netns): Promise<boolean> {
  return await stat('/proc/1/ns/net', { bigint: true }).then(({ ino }) => String(ino) === netns.inode, () => false)
}

/** As `ip netns exec`: a named namespace may have its own. */
async function resolvConfOf (netns: string | number | undefined): Promise<string> {
  if (typeof netns !== 'string') return '/etc/resolv.conf'
  const own = join('/etc/netns', basename(netns), 'resolv.conf')
  return await access(own).then(() => own, () => '/etc/resolv.conf')
}

