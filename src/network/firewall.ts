/**
 * What a network's forward mode means in packets: its elements in the sets of the constant firewall table. Pure.
 *
 * | set | key | none | nat | route | open | says |
 * |---|---|---|---|---|---|---|
 * | same   | bridge . bridge | x | x | x | x | frames inside the network pass, which matters under br_netfilter |
 * | ours   | bridge          | x | x | x | x | whatever is not let through explicitly is rejected |
 * | rpf    | bridge          | x | x | x | - | packets with a source address that does not lie behind the bridge are dropped |
 * | out    | bridge          | - | x | x | x | guests may send out; with `forward dev`: `outdev` (bridge . dev), only by that device |
 * | est    | bridge          | - | x | - | - | replies may come in; with `forward dev`: `estdev` (dev . bridge) |
 * | inall  | bridge          | - | - | x | x | anything may come in; with `forward dev`: `indev` (dev . bridge) |
 * | masq4, masq6 | bridge    | - | x | - | - | what leaves takes the host's address |
 * | gw4, gw6     | address   | x | x | x | x | an address whose DNS and DHCP are guarded … |
 * | gate4, gate6 | bridge . address | x | x | x | x | … and the bridge that may reach them |
 *
 * Where this differs from libvirt's rules (network_iptables.c):
 * - The IPv6 of a nat network takes replies only, with or without NAT. libvirt lets everybody in from outside there, which nobody expects of nat.
 * - Guests' sources are checked against the host's routes instead of the network's own prefixes, so that `<route>`s behind a guest work.
 * - Isolated networks are checked too: a reject is an ICMP error to the packet's source, and a forged source would carry it outside.
 * - open is a member of `out` and `inall` instead of not being mentioned: the rules of the other networks must know it.
 */
import type { MemberObject } from '../kernel/object.js'
import { parseIp } from '../values/ip.js'
import { familyOf } from './subnet.js'
import type { Definition, ForwardMode } from './spec.js'

type Key = MemberObject['key']

function member (set: string, key: Key): MemberObject { return { type: 'member', set, key } }

/** Which ways a mode opens; a network with `forward dev` opens them for that device only. */
const ways = {
  none: [],
  nat: ['out', 'est'],
  route: ['out', 'inall'],
  open: ['out', 'inall'],
} as const satisfies Record<ForwardMode, readonly ('out' | 'est' | 'inall')[]>

function way (set: 'out' | 'est' | 'inall', bridge: string, dev: string | undefined): MemberObject {
  if (dev === undefined) return member(set, [bridge])
  switch (set) {
    case 'out': return member('outdev', [bridge, dev])
    case 'est': return member('estdev', [dev, bridge])
    case 'inall': return member('indev', [dev, bridge])
    default: return set satisfies never
  }
}

function masquerade ({ forward, bridge, ip }: Pick<Definition, 'forward' | 'bridge' | 'ip'>): MemberObject[] {
  if (forward.mode !== 'nat') return []
  const families = new Set(ip.map(familyOf))
  const members: MemberObject[] = []
  if (families.has(4)) members.push(member('masq4', [bridge.name]))
  if (families.has(6) && forward.nat?.ipv6 === true) members.push(member('masq6', [bridge.name]))
  return members
}

/** The elements of one network, to be added when it starts and deleted when it stops. `nft add element inet netwright SET { KEY }` for each. */
export function firewallMembers (definition: Pick<Definition, 'forward' | 'bridge' | 'ip'>): readonly MemberObject[] {
  const { forward: { mode, dev }, bridge: { name } } = definition
  const gates = definition.ip.flatMap((ip) => {
    const address = parseIp(ip.address)
    const family = String(familyOf(ip))
    return [member(`gw${family}`, [address]), member(`gate${family}`, [name, address])]
  })
  return [
    member('same', [name, name]),
    member('ours', [name]),
    ...mode === 'open' ? [] : [member('rpf', [name])],
    ...ways[mode].map((set) => way(set, name, dev)),
    ...masquerade(definition),
    ...gates,
  ]
}
