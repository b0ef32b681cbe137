/** What a definition says of who may talk to whom: peers, address sets, rules, and the host's services. Part of the model in spec.ts, shape only. */
import * as v from 'valibot'
import { list, port, say, text } from './schema.js'
import { actions, directions, protocols } from './rule-words.js'

/** How many a definition may have: a stored one has a megabyte. */
export const MOST_PEERS = 1000
export const MOST_RULES = 1000
export const MOST_SETS = 100
export const MOST_SET_ADDRESSES = 10_000

const several = (item: v.GenericSchema<string>, most: number) => v.pipe(v.array(item), v.minLength(1), v.maxLength(most))

const other = say(text, 'The other network\'s name; it need not be defined yet.')
const way = say(v.picklist(['both', 'out', 'in']), 'Whose guests may begin: both networks\', this one\'s (out), the other one\'s (in). Answers always come back. Default both.')
/** `<netwright:peer>`. */
export const peer = v.strictObject({ network: other, direction: v.optional(way) })
export const peerInput = v.union([other, peer])

/** `<netwright:addressSet>`: addresses that rules name as `@NAME`. */
export const addressSet = v.strictObject({
  name: say(text, 'Rules name it as @NAME.'),
  addresses: say(several(text, MOST_SET_ADDRESSES), 'Addresses and prefixes, IPv4 and IPv6.'),
})

const action = say(v.picklist(actions), 'allow; deny: refuse with an ICMP error; drop: without one.')
const direction = say(v.picklist(directions), 'in: what comes to guests of this network from elsewhere; out: what they send elsewhere.')
const protocol = say(v.picklist(protocols), 'Default any.')
const addresses = several(text, MOST_SET_ADDRESSES)
const log = say(v.union([v.boolean(), text]), 'Write matching packets into the kernel\'s log, ten a second at most; a text is what the lines begin with.')
const comment = say(text, 'For people; nft shows it.')

/** `<netwright:rule>`: the first that matches decides. */
export const rule = v.strictObject({
  action, direction, protocol: v.optional(protocol), ports: v.optional(several(text, 1000)),
  from: v.optional(addresses), to: v.optional(addresses), log: v.optional(log), comment: v.optional(comment),
})
const portsInput = say(v.union([port, text, v.pipe(v.array(v.union([port, text])), v.minLength(1), v.maxLength(1000))]), 'Destination ports: 22, 80-90, or a list of them.')
const addressesInput = (of: string) => say(v.union([text, addresses]), `${of} addresses: 10.7.0.0/24, 2001:db8::5, @SET, or a list of them. Default any.`)
export const ruleInput = v.union([
  say(text, 'allow|deny|drop in|out [PROTO[/PORT[-END],...]] [from ADDRESS,...] [to ADDRESS,...] [log], for example allow in tcp/22,80 from 10.7.0.0/24.'),
  v.strictObject({
    action, direction, protocol: v.optional(protocol), ports: v.optional(portsInput),
    from: v.optional(addressesInput('Source')), to: v.optional(addressesInput('Destination')), log: v.optional(log), comment: v.optional(comment),
  }),
])

const access = say(v.picklist(['allow', 'deny']), 'Whether guests reach services of the host itself. deny: only DHCP and DNS of their network, and what is listed. Default allow: the host\'s own rules decide.')
const icmp = v.optional(say(v.boolean(), 'With deny: the host answers to ping.'))
const service = v.strictObject({ protocol, ports: v.optional(several(text, 1000)) })
/** `<netwright:host>`. */
export const hostPolicy = v.strictObject({ access, icmp, allow: v.optional(list(service, 1000)) })
export const hostInput = v.union([
  access,
  v.strictObject({
    access, icmp,
    allow: v.optional(list(v.union([say(text, 'tcp/22, udp/5000-5010, esp.'), v.strictObject({ protocol, ports: v.optional(portsInput) })]), 1000)),
  }),
])
