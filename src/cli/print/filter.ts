/** Peers, rules and policies towards the host as tables. */
import type { HostPolicyInfo, PeerInfo, RuleInfo } from '../../index.js'
import { table } from './table.js'

interface Stands { readonly live: boolean, readonly config: boolean }
const standing = ({ live, config }: Stands): string => live && config ? 'live, config' : live ? 'live' : 'config'

const ways = { both: '<->', out: '->', in: '<-' } as const

/** `state` is the peer's. */
export function peerTable (peers: readonly (Omit<PeerInfo, 'network'> & { readonly network: string, readonly peer: string })[], headless: boolean): string {
  const rows = peers.map(({ network, peer, direction, by, state, ...stands }) => [network, ways[direction], peer, state, by, standing(stands)])
  return table(['Network', 'Way', 'Peer', 'Peer is', 'Said by', 'State'], rows, headless)
}

export function ruleTable (rules: readonly (RuleInfo & { readonly network: string })[], headless: boolean): string {
  const rows = rules.map(({ network, number, words, log, comment, packets, bytes, ...stands }) => [
    network, String(number), `${words}${log === undefined || log === false ? '' : ' log'}${comment === undefined ? '' : ` (${comment})`}`,
    packets === undefined ? '-' : String(packets), bytes === undefined ? '-' : String(bytes), standing(stands),
  ])
  return table(['Network', 'No', 'Rule', 'Packets', 'Bytes', 'State'], rows, headless)
}

export function policyTable (policies: readonly (HostPolicyInfo & { readonly network: string })[], headless: boolean): string {
  return table(['Network', 'Guests reach of the host', 'State'], policies.map(({ network, words, ...stands }) => [network, words, standing(stands)]), headless)
}
