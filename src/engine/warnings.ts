/** What on this host will get in the way of a network although it has started: rulesets of others, a borrowed user. Only reads. */
import { dnsmasqUser } from '../dnsmasq/user.js'
import { guardTable } from '../kernel/guard.js'
import { foreignBaseChains, type BaseChain } from '../netlink/nft/foreign.js'
import type { Warning } from './api.js'
import type { Context } from './context.js'
import type { NetworkRecord } from './record.js'

const isOurTable = ({ family, table }: { readonly family: unknown, readonly table: string }): boolean =>
  family === 'inet' && (table === 'netwright' || table.startsWith('netwright-') || table === guardTable)

/** Warnings for networks that have just started. An accept of ours cannot overrule a drop of theirs (kernel.md, nf_tables 3). */
export async function warnings (context: Context, networks: readonly NetworkRecord[]): Promise<readonly Warning[]> {
  const foreign = await foreignDrops(context)
  const serves = networks.some(({ dnsmasq }) => dnsmasq)
  return [
    ...foreign.filter((chain) => networks.some((network) => hits(chain, network))).map((chain) => dropping(chain, networks)),
    ...serves && (await dnsmasqUser()).user === 'nobody' ? [borrowed] : [],
  ]
}

/** A base chain of somebody else's that guests' packets go through, and that drops what nobody accepts. */
export interface ForeignDrop extends BaseChain { readonly hook: 'forward' | 'input', readonly drops: 'policy' | 'rule' }

/** By host, what was found when the rulesets of others last changed. */
const known = new WeakMap<Context, readonly ForeignDrop[]>()

/** Throws KernelError: EPERM where this process may not read rulesets. */
export async function foreignDrops (context: Context): Promise<readonly ForeignDrop[]> {
  const before = await context.strangers.changed() ? undefined : known.get(context)
  if (before !== undefined) return before
  known.delete(context)
  const found = (await foreignBaseChains(context.nft, isOurTable)).flatMap((chain): ForeignDrop[] => {
    const { hook, drops } = chain
    return drops !== undefined && (hook === 'forward' || hook === 'input') ? [{ ...chain, hook, drops }] : []
  })
  known.set(context, found)
  return found
}

/** Whether such a chain concerns a network: what is forwarded for it, or its DHCP and DNS. */
export function hits ({ hook }: Pick<ForeignDrop, 'hook'>, { forwarding, dnsmasq }: NetworkRecord): boolean {
  return hook === 'forward' ? forwarding.ipv4 || forwarding.ipv6 : dnsmasq
}

const borrowed: Warning = { code: 'DNSMASQ_USER', message: 'dnsmasq runs as nobody, which other services use too', remedy: 'useradd --system --no-create-home --shell /usr/sbin/nologin netwright-dnsmasq' }

function dropping ({ family, table, name, hook, drops }: ForeignDrop, networks: readonly NetworkRecord[]): Warning {
  const where = `table ${String(family)} ${table}, chain ${name}`
  const bridges = networks.map(({ bridge }) => bridge.name).join(', ')
  const what = hook === 'forward' ? 'what guests send and receive through this host' : 'guests\' DHCP and DNS'
  return {
    code: 'FOREIGN_DROP',
    message: `${where} (${drops === 'policy' ? 'its policy' : 'a rule of it'}) drops ${what}`,
    remedy: remedyFor(table, name, hook === 'forward', bridges),
  }
}

function remedyFor (table: string, chain: string, forward: boolean, bridges: string): string {
  if (table === 'firewalld') return `firewall-cmd --zone=trusted --add-interface=${bridges}`
  if (table === 'filter' && chain === 'FORWARD') return `iptables -I DOCKER-USER -i ${bridges} -j ACCEPT; iptables -I DOCKER-USER -o ${bridges} -j ACCEPT (without Docker: chain FORWARD; with ufw: ufw route allow in on ${bridges})`
  if (table === 'filter' && chain === 'INPUT') return `iptables -I INPUT -i ${bridges} -p udp -m multiport --dports 53,67 -j ACCEPT (with ufw: ufw allow in on ${bridges})`
  return forward ? `nft insert rule inet ${table} ${chain} iifname ${bridges} accept; nft insert rule inet ${table} ${chain} oifname ${bridges} accept` : `nft insert rule inet ${table} ${chain} iifname ${bridges} udp dport { 53, 67 } accept`
}
