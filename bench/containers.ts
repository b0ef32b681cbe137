/**
 * netavark and the CNI bridge plugin: what containers use. A network of theirs comes with its first container, so each gets a namespace with one
 * veth; they make rules with iptables, one network after another, and one or two processes each. Whole programs, in the order a script runs them.
 */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exec, must } from '../test/harness/command.js'
import { gateway, guest } from './objects.js'
import { timed, type Missing, type Peer, type PeerTime } from './peers.js'

const PATIENCE = 240_000
const subnet = (i: number): string => gateway(i).replace(/1$/, '0/24')
const container = (netns: string, i: number): string => `${netns}-c${i}`
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** The containers' namespaces are there before, as a container's is; they are made and deleted outside of the time. */
async function containers (netns: string, count: number, verb: 'add' | 'del'): Promise<void> {
  await must('ip', ['-batch', '-'], { input: numbers(count).map((i) => `netns ${verb} ${container(netns, i)}\n`).join(''), timeoutMs: PATIENCE })
}

/** One shell with all commands, so that starting programs from here is not counted. */
async function scripted (netns: string, lines: readonly string[]): Promise<PeerTime> {
  const file = join(await mkdtemp('/run/nw-bench-'), 'script')
  await writeFile(file, ['set -e', ...lines, ''].join('\n'))
  return { ms: await timed(async () => { await must('ip', ['netns', 'exec', netns, 'sh', file], { timeoutMs: PATIENCE }) }) }
}

async function proved (netns: string): Promise<void> {
  const at = container(netns, 0)
  await must('ip', ['-n', at, 'route'])
  await must('ip', ['netns', 'exec', at, 'ping', '-c', '1', '-W', '5', gateway(0)])
}

async function lacks (path: string): Promise<boolean> { return (await exec('sh', ['-c', `test -x ${path} && command -v iptables`])).code !== 0 }

/** `netavark setup` and `netavark teardown`, one process a network. Without DNS, as ours. */
export async function netavark (count: number): Promise<Peer | Missing> {
  const program = '/usr/lib/podman/netavark'
  const name = 'netavark'
  if (await lacks(program)) return { name, missing: 'missing (scripts/bench --install)' }
  const directory = await mkdtemp('/run/nw-bench-')
  for (const i of numbers(count)) {
    const id = i.toString(16).padStart(64, '0')
    await writeFile(join(directory, `${i}.json`), JSON.stringify({
      container_id: id, container_name: `c${i}`, networks: { [`net${i}`]: { interface_name: 'eth0', static_ips: [guest(i)] } },
      network_info: { [`net${i}`]: { name: `net${i}`, id, driver: 'bridge', network_interface: `nb${i}`, subnets: [{ subnet: subnet(i), gateway: gateway(i) }], ipv6_enabled: false, internal: false, dns_enabled: false, ipam_options: { driver: 'host-local' } } },
    }))
  }
  const lines = (netns: string, verb: string): string[] => numbers(count).map((i) => `${program} --config ${directory} --file ${directory}/${i}.json ${verb} /run/netns/${container(netns, i)} >/dev/null`)
  return {
    name,
    make: async (netns) => { await containers(netns, count, 'add'); const time = await scripted(netns, lines(netns, 'setup')); await proved(netns); return time },
    destroy: async (netns) => { const time = await scripted(netns, lines(netns, 'teardown')); await containers(netns, count, 'del'); return time },
  }
}

/** ADD and DEL of the bridge plugin with host-local, two processes a network. DEL leaves the bridge: one `ip -batch` deletes them all. */
export async function cni (count: number): Promise<Peer | Missing> {
  const path = '/usr/lib/cni'
  const name = 'CNI bridge plugin'
  if (await lacks(`${path}/bridge`)) return { name, missing: 'missing (scripts/bench --install)' }
  const directory = await mkdtemp('/run/nw-bench-')
  for (const i of numbers(count)) {
    await writeFile(join(directory, `${i}.json`), JSON.stringify({
      cniVersion: '0.4.0', name: `net${i}`, type: 'bridge', bridge: `nb${i}`, isGateway: true, ipMasq: true, ipam: { type: 'host-local', dataDir: directory, subnet: subnet(i), gateway: gateway(i), routes: [{ dst: '0.0.0.0/0' }] },
    }))
  }
  await writeFile(join(directory, 'bridges'), numbers(count).map((i) => `link del dev nb${i}\n`).join(''))
  const lines = (netns: string, verb: string): string[] => numbers(count).map((i) => `CNI_COMMAND=${verb} CNI_CONTAINERID=c${i} CNI_NETNS=/run/netns/${container(netns, i)} CNI_IFNAME=eth0 CNI_PATH=${path} ${path}/bridge <${directory}/${i}.json >/dev/null`)
  return {
    name,
    make: async (netns) => { await containers(netns, count, 'add'); const time = await scripted(netns, lines(netns, 'ADD')); await proved(netns); return time },
    destroy: async (netns) => { const time = await scripted(netns, [...lines(netns, 'DEL'), `ip -batch ${directory}/bridges`]); await containers(netns, count, 'del'); return time },
  }
}
