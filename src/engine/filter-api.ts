/** Peers, rules and the policy towards the host, as those see them who use `host.network(…).peers`, `.rules` and `.hostPolicy`. */
import type { HostPolicy, HostPolicyInput, PeerInput, PeerSpec, RuleInput, RuleSpec } from '../network/spec.js'
import type { Options } from './api.js'
import type { Scope } from './forward-api.js'

/** A network whose guests may talk with those of this one, as one of the two says. */
export interface PeerInfo extends PeerSpec {
  /** The network whose definition says it: this one, or the peer. `direction` is as this network sees it. */
  readonly by: string
  /** What the peer is at the moment; `missing`: no network of that name is there. Guests talk while both are active. */
  readonly state: 'active' | 'inactive' | 'missing'
  /** In what runs, in what is stored. */
  readonly live: boolean
  readonly config: boolean
}

/** `host.network('red').peers`. One of the two networks need say it. */
export interface Peers {
  /** `netwright peer list`: those that this network names, and those that name it. */
  list (options?: Options): Promise<PeerInfo[]>
  /**
   * `peers.add('blue')`, `peers.add({ network: 'blue', direction: 'out' })`. All or nothing, stored and live. A peer that is there gets the direction. Throws InputError,
   * NETWRIGHT_EXISTS where it is so already, NETWRIGHT_INACTIVE, NETWRIGHT_TRANSIENT.
   */
  add (peer: PeerInput, options?: Options & Scope): Promise<void>
  /** Connections with it are cut off. Throws NETWRIGHT_NOT_FOUND where this network does not name it, NETWRIGHT_INACTIVE, NETWRIGHT_TRANSIENT. */
  remove (network: string, options?: Options & Scope): Promise<void>
}

/** A rule of a network, with what it has matched since the network started or the rule was added; where our table had to be made anew (somebody took it away, a change was undone), since then. */
export interface RuleInfo extends RuleSpec {
  /** Its place, from 1: of what runs where it does, else of what is stored. */
  readonly number: number
  /** `allow in tcp/22 from 10.7.0.0/24`. */
  readonly words: string
  /** Missing where it does not run. */
  readonly packets?: number
  readonly bytes?: number
  /** In what runs, in what is stored. */
  readonly live: boolean
  readonly config: boolean
}

/**
 * `host.network('red').rules`. Rules decide on what is routed from guests of the network (out) and to them (in), the first that matches; where none does, the forward
 * mode, forwarded ports and peers do. Answers of what was let through pass. Neither frames inside the network nor what the host itself sends or gets is looked at.
 */
export interface Rules {
  /** `netwright rule list`; `nft list chain inet netwright in-BRIDGE`. */
  list (options?: Options): Promise<RuleInfo[]>
  /**
   * `rules.add('allow in tcp/22 from 10.7.0.0/24', { at: 1 })`; behind the others where `at` is missing. Connections that it forbids are cut off. Throws InputError where it
   * makes no sense in this network or says again what another one says, NETWRIGHT_INACTIVE, NETWRIGHT_TRANSIENT.
   */
  add (rule: RuleInput, options?: Options & Scope & { readonly at?: number | undefined }): Promise<void>
  /** By the same words, or by its number in `list`. Throws NETWRIGHT_NOT_FOUND, NETWRIGHT_INACTIVE, NETWRIGHT_TRANSIENT. */
  remove (rule: RuleInput | number, options?: Options & Scope): Promise<void>
}

/** What guests of a network reach of the host's own services. */
export interface HostPolicyInfo extends HostPolicy {
  /** `deny + icmp + tcp/22`. */
  readonly words: string
  /** In what runs, in what is stored. */
  readonly live: boolean
  readonly config: boolean
}

/** `host.network('red').hostPolicy`: `host` of its definition. DHCP and DNS of their own network are left to guests whatever it says. */
export interface HostAccess {
  /** `netwright host-policy list`: one, or two where what runs and what is stored say different things. */
  list (options?: Options): Promise<HostPolicyInfo[]>
  /**
   * `hostPolicy.set({ access: 'deny', icmp: true, allow: ['tcp/22'] })`, `hostPolicy.set('allow')`: in the place of what was there. All or nothing, stored and live. What is so already is
   * left alone. Throws InputError, NETWRIGHT_INACTIVE, NETWRIGHT_TRANSIENT.
   */
  set (policy: HostPolicyInput, options?: Options & Scope): Promise<void>
}
