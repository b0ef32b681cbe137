/** Which keys an input of each kind of port has: others are refused, as in a definition, since a slip of the pen would else mean the default. Pure. */
import type { Issue } from '../errors.js'
import { shown } from '../network/checks/review.js'
import type { PortDomain } from './domain-api.js'
import type { MacvtapInput, PortInput, ProcessNetns, TapInput, VethInput } from './port-api.js'

/** As the compiler has them: one that is missing here, or is none, does not compile. */
type Keys<T> = Readonly<Record<keyof T, true>>
const common = { kind: true, dev: true, mac: true } as const
const guest = { ...common, address: true, hostname: true, domain: true } as const
const tap: Keys<TapInput> = { ...guest, queues: true, vnetHdr: true, persist: true, fds: true, owner: true, group: true, vhost: true }
const veth: Keys<VethInput> = { ...guest, netns: true, hostDev: true, defaultRoute: true }
const macvtap: Keys<MacvtapInput> = { ...common, device: true, mode: true, mtu: true, queues: true, vnetHdr: true }
const kinds = { tap, veth, macvtap } as const

const netns: Keys<ProcessNetns> = { pid: true, started: true }
const domain: Keys<PortDomain> = { name: true, model: true, qmp: true }

/** A complaint for each key that means nothing, with its JSON path: `adress`, `netns.pdi`. */
export function unknownKeys (input: PortInput | MacvtapInput): Issue[] {
  const inner = { netns: 'netns' in input ? input.netns : undefined, domain: 'domain' in input ? input.domain : undefined }
  return [...strangers('', input, kinds[input.kind]), ...strangers('netns.', inner.netns, netns), ...strangers('domain.', inner.domain, domain)]
}

/** What is undefined is absent. */
function strangers (at: string, value: unknown, known: Readonly<Record<string, true>>): Issue[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, given]) => given === undefined || Object.hasOwn(known, key) ? [] : [{ path: `${at}${shown(key)}`, message: `unknown key '${shown(key)}'` }])
}
