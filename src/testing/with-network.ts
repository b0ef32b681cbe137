/** A network for one test, in a world of its own. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Host, HostOptions, Network, NetworkDefinition, Options } from '../engine/api.js'
import { openHost } from '../engine/host.js'
import { makeNetns } from '../kernel/netns.js'
import { call } from '../netlink/call.js'
import { openChannel } from '../netlink/channel.js'
import { NETLINK_ROUTE } from '../netlink/header.js'
import { IFF_UP, link } from '../netlink/rtnl/link.js'

export interface WithNetworkOptions extends Options {
  /** Use this host, in its namespace, instead of a fresh one; it stays open. */
  readonly host?: Host
  /** For a fresh host: its logger and where automatic subnets come from. */
  readonly logger?: NonNullable<HostOptions['logger']>
  readonly pools?: readonly string[]
}

/** What a test gets. */
export interface Stage {
  readonly host: Host
  /** The first of them, or the only one. */
  readonly network: Network
  readonly networks: readonly Network[]
}

/** What a test gets in a namespace made for it. */
export interface FreshStage extends Stage {
  /** The namespace, which has no name: for `netns` options and `nsenter --net=PATH`, as long as the test runs. */
  readonly netns: string
  /** The host's root. */
  readonly root: string
}

/** Directories that every user may pass, as dnsmasq's must. */
const PLACES = ['/run', tmpdir()]

/**
 * Makes a network (or several), calls `work`, and removes it, however `work` ends; resolves with what `work` returns when the links are gone.
 * The network lives in a fresh network namespace, loopback up, below a fresh root: tests may run at once and use the same names and subnets, and
 * whatever they leave in the namespace goes with it. A test process that is killed leaves nothing either (`lifetime: 'process'`).
 *
 *     await withNetwork({ name: 'red', forward: 'nat', subnet: '10.7.0.0/24', dhcp: true }, async ({ network, netns }) => { … })
 *
 * Needs root. Throws what `openHost` and `create` throw, what `work` throws, NETWRIGHT_UNDO_INCOMPLETE; an AggregateError where both `work` and the removal fail.
 */
export function withNetwork<T> (spec: NetworkDefinition | readonly NetworkDefinition[], work: (stage: Stage) => T | Promise<T>, options: WithNetworkOptions & { readonly host: Host }): Promise<T>
export function withNetwork<T> (spec: NetworkDefinition | readonly NetworkDefinition[], work: (stage: FreshStage) => T | Promise<T>, options?: WithNetworkOptions): Promise<T>
export async function withNetwork<T> (spec: NetworkDefinition | readonly NetworkDefinition[], work: (stage: FreshStage) => T | Promise<T>, options: WithNetworkOptions = {}): Promise<T> {
  const { host } = options
  if (host === undefined) return await inFresh(options, async (stage) => await on(stage, spec, work, options))
  return await on({ host, netns: '', root: '' }, spec, work, options)
}

type Ground = Omit<FreshStage, 'network' | 'networks'>

async function on<T> (ground: Ground, spec: NetworkDefinition | readonly NetworkDefinition[], work: (stage: FreshStage) => T | Promise<T>, { signal }: Options): Promise<T> {
  const { host } = ground
  const networks = await host.create(isList(spec) ? spec : [spec], signal === undefined ? {} : { signal })
  return await thenAlways(async () => {
    const [network] = networks
    if (network === undefined) throw new RangeError('no network was asked for')
    return await work({ ...ground, network, networks })
  }, async () => {
    await Promise.all(networks.map(async (network) => { await network[Symbol.asyncDispose]() }))
    await host.settled()
  })
}

const isList = (spec: NetworkDefinition | readonly NetworkDefinition[]): spec is readonly NetworkDefinition[] => Array.isArray(spec)

async function inFresh<T> ({ signal, logger, pools }: WithNetworkOptions, work: (ground: Ground) => Promise<T>): Promise<T> {
  const held = await makeNetns('test')
  return await thenAlways(async () => {
    await using rtnl = await openChannel({ protocol: NETLINK_ROUTE, netns: held.fd })
    await call(rtnl, link.change({ index: 1, flags: IFF_UP, change: IFF_UP }, 'lo'))
    await rtnl.close()
    const root = await freshRoot()
    return await thenAlways(async () => {
      const netns = `/proc/${String(process.pid)}/fd/${String(held.fd)}`
      const host = await openHost({ netns, root, lifetime: 'process', ...signal === undefined ? {} : { signal }, ...logger === undefined ? {} : { logger }, ...pools === undefined ? {} : { pools } }, { discard: true })
      return await thenAlways(async () => await work({ host, netns, root }), async () => { await host.close() })
    }, async () => { await rm(root, { recursive: true, force: true }) })
  }, () => { held.close() })
}

async function freshRoot (): Promise<string> {
  let refusal: unknown
  for (const place of PLACES) {
    try {
      const root = await mkdtemp(join(place, 'netwright-test-'))
      await chmod(root, 0o711)
      return root
    } catch (error) { refusal = error }
  }
  throw refusal
}

/** As try and finally, but where both fail, both are told. */
async function thenAlways<T> (work: () => Promise<T>, always: () => void | Promise<void>): Promise<T> {
  let result: T
  try { result = await work() } catch (error) {
    try { await always() } catch (second) { throw new AggregateError([error, second], `${String(error)}; and then ${String(second)}`) }
    throw error
  }
  await always()
  return result
}
