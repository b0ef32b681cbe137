/** What guests of one network reach of the host's own services: told, and changed. */
import { isDeepStrictEqual } from 'node:util'
import { checkNetwork } from '../network/check.js'
import { policyWords } from '../network/rule-words.js'
import type { Definition, HostPolicyInput } from '../network/spec.js'
import type { Options, Scope } from './api.js'
import { changeSides } from './both-sides.js'
import type { HostAccess, HostPolicyInfo } from './filter-api.js'
import { find, type Entry } from './inventory.js'
import type { Works } from './works.js'

/** `host.network(…).hostPolicy`. */
export function hostPolicyOf (works: Works, name: string): HostAccess {
  return {
    list: async () => await works.during(async () => listed(await find(works.context, name))),
    set: async (policy, options = {}) => { await works.during(async () => { await set(works, name, policy, options) }, { operation: 'update', names: () => [name] }) },
  }
}

function listed ({ running, stored }: Entry): HostPolicyInfo[] {
  const [live, config] = [running?.definition, stored]
  const info = ({ host = { access: 'allow' } }: Definition, sides: Pick<HostPolicyInfo, 'live' | 'config'>): HostPolicyInfo => ({ ...host, words: policyWords(host), ...sides })
  if (live !== undefined && config !== undefined && isDeepStrictEqual(live.host, config.host)) return [info(live, { live: true, config: true })]
  return [...live === undefined ? [] : [info(live, { live: true, config: false })], ...config === undefined ? [] : [info(config, { live: false, config: true })]]
}

async function set (works: Works, name: string, host: HostPolicyInput, options: Options & Scope): Promise<void> {
  await changeSides({ works, name, part: 'policy towards the host', options }, () => (definition) => isDeepStrictEqual(checkNetwork({ ...definition, host }).host, definition.host) ? undefined : { host })
}
