/** The way in: one owner's networks in one namespace. */
import { randomBytes } from 'node:crypto'
import { access } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { hostFacts, missingCapabilities } from '../kernel/host.js'
import { Routes } from '../kernel/routes.js'
import { tableName } from '../kernel/ruleset.js'
import { Strangers } from '../kernel/strangers.js'
import { Yard } from '../kernel/yard.js'
import { silent } from '../log.js'
import { openChannel } from '../netlink/channel.js'
import { NETLINK_NETFILTER, NETLINK_ROUTE } from '../netlink/header.js'
import type { Host, HostOptions } from './api.js'
import { Book } from './book.js'
import { linkGroup, locked, owned, type Context } from './context.js'
import { Flows } from './flows.js'
import { Graves } from './graves.js'
import type { HostBridgeWorks } from './host-bridges.js'
import { HostHandle } from './host-handle.js'
import { reapDead } from './lifetime.js'
import { NamespaceHandle } from './namespace-handle.js'
import { Recycler } from './recycle.js'
import { complaints, recycling } from './recycle-options.js'
import { defaultPools } from './pool.js'
import { needsRecovery, recover, type Means } from './recovery.js'
import { Reaper, type Estate } from './reaper.js'
import type { Opening } from './rigs.js'
import { Sexton } from './sexton.js'
import { site } from './site.js'
import type { StepHook } from './steps.js'
import { Store } from './store.js'
import { typedError } from './system-error.js'
import { Tallies } from './tallies.js'

/** What fault tests hand in; not a part of the public options. */
export interface Internals { readonly hook?: StepHook, /** Of a host that ends with its process: its root goes, too. */ readonly discard?: boolean }

/**
 * Opens a host. Finishes or undoes what a killed process of this owner left. Needs no privilege to read definitions.
 * Throws NETWRIGHT_INVALID, NETWRIGHT_NO_NAMESPACE, NETWRIGHT_ADDON_MISSING, NETWRIGHT_LOCKED, KernelError.
 */
export async function openHost (options: HostOptions = {}, internals: Internals = {}): Promise<Host> {
  return (await opened(options, internals, (context, supervise, closers, opening) => new HostHandle(context, supervise, closers, opening))).host
}

type MakeHandle<H> = (...parts: ConstructorParameters<typeof HostHandle>) => H

/** Opens what a host needs and makes its handle. */
async function opened<H extends HostHandle> (options: HostOptions, internals: Internals, make: MakeHandle<H>): Promise<{ readonly host: H, readonly context: Context }> {
  const { owner, root, netns, places: at } = await site(options, ({ recycle }) => recycle === undefined ? [] : complaints(recycle))
  const closers: (() => void | Promise<void>)[] = [() => { netns.close() }]
  try {
    const tallies = new Tallies({ owner, netns: netns.path })
    const rtnl = await openChannel({ protocol: NETLINK_ROUTE, netns: netns.fd, tally: tallies.kernel })
    closers.unshift(async () => { await rtnl.close() })
    const nft = await openChannel({ protocol: NETLINK_NETFILTER, netns: netns.fd, tally: tallies.kernel })
    closers.unshift(async () => { await nft.close() })
    const logger = (options.logger ?? silent).child({ owner })
    const [graves, routes, strangers] = [new Graves(at.graves, new Yard(netns.fd)), new Routes(rtnl, netns.fd), new Strangers(nft, netns.fd)]
    closers.unshift(() => { graves.yard.close(); routes.close(); strangers.close() })
    const flows = new Flows({ netns: netns.fd, nft, rtnl, logger, tally: tallies.kernel })
    closers.unshift(async () => { await flows.ended() })
    const sexton = new Sexton({ graves, flows, netns: netns.fd, logger, tally: tallies.kernel, hook: internals.hook })
    closers.unshift(async () => { await sexton.ended() })
    const ipv6 = (await hostFacts(netns.fd)).ipv6
    const stock = options.recycle === undefined ? undefined : new Recycler(recycling(options.recycle), { graves, sexton, rtnl, netns: netns.fd, ipv6, logger, hook: internals.hook })
    if (stock !== undefined) closers.unshift(async () => { await stock.close() })
    const lifetime = options.lifetime === 'process' ? randomBytes(9).toString('hex') : undefined
    const context: Context = {
      owner, places: at, logger, netns, rtnl, nft, routes, strangers, store: new Store(at.networks, logger), book: new Book(at, lifetime), graves, sexton, flows, tallies,
      table: tableName(owner), group: linkGroup(owner), pools: options.pools ?? defaultPools, lockTimeout: options.lockTimeout ?? 30_000,
      ipv6, ...stock === undefined ? {} : { stock },
      resolvConf: options.resolvConf ?? await resolvConfOf(options.netns), hook: internals.hook, ...lifetime === undefined ? {} : { lifetime },
    }
    const opening: Opening = { options, root, inside: async (more, within) => await opened(more, internals, (...[of, supervise, closers, opening]) => new NamespaceHandle(of, supervise, closers, { opening, within })) }
    const host = make(context, options.supervise ?? true, closers, opening)
    if (missingCapabilities('network').length === 0) {
      await recoverAll({ context, daemons: host.daemons }, options.signal, host.hostBridge)
      if (missingCapabilities('namespace').length === 0) await host.rigs.reapDead()
      if (lifetime !== undefined) closers.push(await watchedOver(context, root, internals.discard))
    }
    await host.follow()
    return { host, context }
  } catch (error) {
    for (const close of closers) await close()
    throw typedError(error)
  }
}

/** Whoever may not change networks may look at them all the same, with what a dead process left. */
async function recoverAll ({ context, daemons }: Means, signal: AbortSignal | undefined, hostBridge: HostBridgeWorks): Promise<void> {
  await hostBridge.recover()
  const { store, graves, sexton, flows } = context
  if (await needsRecovery(context)) await locked(context, 'recover', signal, async () => { await recover({ context, daemons }) })
  await reapDead({ context, daemons })
  const orphans = await graves.orphans()
  flows.forget(orphans.flatMap((grave) => grave.flows ?? []))
  sexton.take(orphans)
  if (await store.littered()) await owned(context, 'recover', signal, async () => { await store.sweep() })
}

/** Somebody who clears up after us, before there is anything to clear up; the last to be let go. */
async function watchedOver ({ owner, places, netns, logger }: Context, root: string, discard = false): Promise<() => Promise<void>> {
  const reaper = await Reaper.start({ program: 'reap', duty: { owner, root, complaints: places.complaints, discard } satisfies Estate, netns: netns.fd, logger })
  return async () => { await reaper.end() }
}

/** As `ip netns exec`: a named namespace may have its own. */
async function resolvConfOf (netns: string | number | undefined): Promise<string> {
  if (typeof netns !== 'string') return '/etc/resolv.conf'
  const own = join('/etc/netns', basename(netns), 'resolv.conf')
  return await access(own).then(() => own, () => '/etc/resolv.conf')
}

