/** Two files of one source: from the one to the other everything happens that can happen in an apply. */
import type { Place } from './operations.js'

export const source = '/lab.yaml'

const quiet = { dns: { enable: false } } as const
const id = (n: number): { readonly uuid: string, readonly mac: string } => ({ uuid: `00000000-0000-4000-8000-00000000008${String(n)}`, mac: `52:54:00:00:08:0${String(n)}` })

/** What stands before. */
export const before = ({ guest }: Place) => ({
  networks: [
    { name: 'keep', ...id(1), forward: 'nat', subnet: '10.78.1.0/24', dhcp: true, bridge: 'br-keep', autostart: false, ports: [{ kind: 'tap', dev: 'keep0', address: 'auto', hostname: 'vm0' }, { kind: 'tap', dev: 'keep1' }] },
    { name: 'move', ...id(2), subnet: '10.78.2.0/24', bridge: 'br-move', ...quiet, ports: [{ kind: 'tap', dev: 'move0' }] },
    { name: 'old', ...id(3), forward: 'nat', subnet: '10.78.3.0/24', bridge: 'br-old', ...quiet, autostart: true, ports: [{ kind: 'tap', dev: 'old0' }] },
    { name: 'veth', ...id(4), subnet: '10.78.4.0/24', bridge: 'br-veth', ...quiet, persistent: false, ports: [{ kind: 'veth', netns: guest, dev: 'eth4', hostDev: 'veth0' }] },
  ],
} as const)

/** What is wanted then: changed while it runs, stopped and started, gone, taken over, new. */
export const after = ({ guest }: Place) => ({
  networks: [
    { name: 'keep', ...id(1), forward: 'nat', subnet: '10.78.1.0/24', dhcp: true, bridge: 'br-keep', mtu: 1400, autostart: true, ports: [{ kind: 'tap', dev: 'keep0', address: 'auto', hostname: 'vm0' }, { kind: 'tap', dev: 'keep2', hostname: 'vm2', address: 'auto' }] },
    { name: 'move', ...id(2), subnet: '10.78.2.0/24', bridge: 'br-moved', ...quiet, ports: [{ kind: 'tap', dev: 'move0' }] },
    { name: 'veth', ...id(4), subnet: '10.78.4.0/24', bridge: 'br-veth', ...quiet, persistent: false, ports: [{ kind: 'veth', netns: guest, dev: 'eth4', hostDev: 'veth1' }] },
    { name: 'new', ...id(5), forward: 'nat', subnet: '10.78.5.0/24', bridge: 'br-new', ...quiet, ports: [{ kind: 'tap', dev: 'new0' }] },
  ],
} as const)
