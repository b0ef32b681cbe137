/** The networks of the tests of recycling: no dnsmasq, so that a process that is killed leaves none. */
import type { NetworkWithPorts } from '../../src/engine/api.js'

const network = (name: string, number: number): NetworkWithPorts => ({
  network: { name, bridge: `br-${name}`, forward: 'nat', subnet: `10.96.${String(number)}.0/24`, dns: { enable: false } },
  ports: [{ kind: 'tap', dev: `tap-${name}`, persist: true, fds: false }],
})
export const isolated: readonly NetworkWithPorts[] = [network('one', 1), network('two', 2)]
