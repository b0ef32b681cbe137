/** `netwright check`: what this host can and cannot do, and whether a network could start. Changes nothing. */
import { dnsmasqUser, findDnsmasq } from '../dnsmasq/user.js'
import { isError, NetwrightError } from '../errors.js'
import { hostFacts, knowsKind, missingCapabilities } from '../kernel/host.js'
import { getTable } from '../netlink/nft/read.js'
import type { NetworkSpec } from '../network/spec.js'
import type { CheckLine } from './api.js'
import { Choice } from './choose.js'
import type { Context } from './context.js'
import { prospect } from './prospect.js'

/** One line for each thing that matters. */
export async function checkHost (context: Context, spec: NetworkSpec | undefined): Promise<CheckLine[]> {
  const facts = await hostFacts(context.netns.fd)
  const lines: CheckLine[] = [
    { what: 'kernel', ok: true, detail: `Linux ${facts.kernel}` },
    ...(['network', 'namespace', 'dnsmasq'] as const).map((purpose) => capabilityLine(purpose)),
    await kindLine(context, 'bridge', 'bridges'), await kindLine(context, 'veth', 'veth pairs'),
    facts.tun ? { what: 'TAP devices', ok: true, detail: '/dev/net/tun' } : { what: 'TAP devices', ok: false, detail: '/dev/net/tun is missing', remedy: 'modprobe tun' },
    await attempted('nf_tables', 'answers', 'modprobe nf_tables', async () => { await getTable(context.nft, { family: 'inet', table: context.table }) }),
    { what: 'IPv6', ok: facts.ipv6, detail: facts.ipv6 ? 'there' : 'switched off on this host: networks with IPv6 addresses cannot start' },
    await dnsmasqLine(), await userLine(),
  ]
  if (spec !== undefined) lines.push(await attempted(`network ${spec.name}`, 'could start', undefined, async () => {
    const before = (await context.store.get(spec.name))?.definition
    await prospect(context, [await new Choice(context).complete(spec, before)])
  }))
  return lines
}

function capabilityLine (purpose: 'network' | 'namespace' | 'dnsmasq'): CheckLine {
  const missing = missingCapabilities(purpose)
  const what = { network: 'permission to change the network', namespace: 'permission to enter namespaces', dnsmasq: 'permission to run dnsmasq' }[purpose]
  return missing.length === 0 ? { what, ok: true, detail: 'given' } : { what, ok: false, detail: `missing: ${missing.join(', ')}`, remedy: 'run as root' }
}

/** The tutorials' `lsmod | grep bridge`: asked of the kernel itself, built in or loaded on demand. */
async function kindLine (context: Context, kind: 'bridge' | 'veth', what: string): Promise<CheckLine> {
  if (missingCapabilities('network').length > 0) return { what, ok: false, detail: 'only whoever may change the network can ask the kernel', remedy: 'run as root' }
  const known = await knowsKind(context.rtnl, kind)
  return { what, ok: known, detail: known ? 'the kernel makes them' : 'this kernel cannot make them', ...known ? {} : { remedy: `modprobe ${kind}` } }
}

async function attempted (what: string, good: string, remedy: string | undefined, work: () => Promise<void>): Promise<CheckLine> {
  try { await work(); return { what, ok: true, detail: good } } catch (error) {
    const advice = error instanceof NetwrightError ? error.remedy ?? remedy : remedy
    return { what, ok: false, detail: isError(error) ? error.message : String(error), ...advice === undefined ? {} : { remedy: advice } }
  }
}

async function dnsmasqLine (): Promise<CheckLine> {
  try { return { what: 'dnsmasq', ok: true, detail: await findDnsmasq() } } catch (error) {
    return { what: 'dnsmasq', ok: false, detail: isError(error) ? error.message : String(error), remedy: error instanceof NetwrightError ? error.remedy ?? '' : '' }
  }
}

async function userLine (): Promise<CheckLine> {
  const { user } = await dnsmasqUser()
  const own = user === 'netwright-dnsmasq' || user === 'root'
  return { what: 'dnsmasq\'s user', ok: true, detail: own ? user : `${user}, which other services may use too`, ...own ? {} : { remedy: 'useradd --system --no-create-home --shell /usr/sbin/nologin netwright-dnsmasq' } }
}
