/**
 * The tutorials, replayed: test/seeds.tsv holds the 54 rows of the seeds. Rows of kind `run` are shell scripts that are executed against the real
 * kernel, those of one tutorial one after another in one namespace; `ip`, `brctl`, `nft` and packets say what stands. Words are compared, not spaces:
 * `…` stands for anything, `{uuid}`, `{mac}`, `{hex}` (three bytes of a MAC), `{hex6}` and `{hex12}` for what chance chose.
 * `packets MODE BRIDGE` is not a shell command: guests on the bridge get addresses and try to reach each other and the router behind the uplink.
 */
import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { dhcp, guest, ping } from '../harness/guest.js'
import { kernelTest, veth, type KernelTest, type Namespace } from '../harness/kernel-test.js'
import { commandLine, type CommandLine } from './command-line.js'

export interface Row { readonly number: number, readonly seed: string, readonly kind: string, readonly command: string, readonly expected: string }

const text = await readFile('test/seeds.tsv', 'utf8')
export const rows: readonly Row[] = text.trimEnd().split('\n').slice(1).map((line) => {
  const [number = '', seed = '', kind = '', command = '', expected = ''] = line.split('\t')
  return { number: Number(number), seed, kind, command, expected }
})

export const tutorials: Readonly<Record<string, { readonly uplink: string, readonly before: string }>> = {
  S0: { uplink: 'enp2s0', before: 'netwright net-define default.xml; netwright net-autostart default; netwright net-start default' },
  S1: { uplink: 'wlp2s0', before: 'netwright net-define default.xml; netwright net-autostart default; netwright net-start default' },
  S2: { uplink: 'enp2s0', before: '' },
  S3: { uplink: 'enp2s0', before: 'netwright net-define default.xml; netwright net-autostart default; netwright net-start default' },
  S4: { uplink: 'enp2s0', before: 'netwright net-define default.xml; netwright net-autostart default' },
}

const words = (value: string): string => value.trim().replace(/\s+/g, ' ')
const chance: Readonly<Record<string, string>> = {
  '{uuid}': '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}', '{mac}': '[0-9a-f]{2}(?::[0-9a-f]{2}){5}', '{hex}': '[0-9a-f]{2}(?::[0-9a-f]{2}){2}', '{hex6}': '[0-9a-f]{6}', '{hex12}': '[0-9a-f]{12}',
}

/** The pattern of an expectation. */
function pattern (expected: string): RegExp {
  const source = words(expected).split(/(\{(?:uuid|mac|hex|hex6|hex12)\}| ?… ?)/).map((part) => chance[part] ?? (part.includes('…') ? '.*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))).join('')
  return new RegExp(`^${source}$`, 's')
}

interface Rig { readonly ns: KernelTest['ns'], readonly tmp: string, readonly line: CommandLine, readonly router: Namespace }

/** The host's uplink and the router at its other end, which knows the way to routed networks and to nat ones too, so that only the firewall keeps it out. */
async function uplink (ns: KernelTest['ns'], name: string): Promise<Namespace> {
  const router = await ns.add()
  await veth(ns, name, router, 'eth0')
  await ns.must('ip', ['addr', 'add', '198.51.100.2/24', 'dev', name])
  await router.must('ip', ['addr', 'add', '198.51.100.1/24', 'dev', 'eth0'])
  for (const network of ['192.168.10.0/24', '192.168.122.0/24', '10.99.0.0/24']) await router.must('ip', ['route', 'add', network, 'via', '198.51.100.2'])
  return router
}

const yesNo = (value: boolean): string => value ? 'yes' : 'no'

/** Resolves when the spanning tree lets these ports forward: 4 s after they came up, as the kernel's `bridge` says. */
async function forwarding (ns: KernelTest['ns'], ports: readonly string[]): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const links = await ns.json<{ ifname: string, state: string }[]>('bridge', ['-j', 'link', 'show'])
    if (ports.every((port) => links.some((link) => link.ifname === port && link.state === 'forwarding'))) return
    if (Date.now() > deadline) throw new Error(`not forwarding: ${JSON.stringify(links)}`)
    await sleep(100)
  }
}

/** Two guests on a bridge: DHCP, or addresses of their own where the network has none. */
async function packets ({ ns, tmp, router }: Rig, mode: string, bridge: string): Promise<string> {
  const guests = [await guest(ns, bridge), await guest(ns, bridge)] as const
  await forwarding(ns, guests.map((each) => each.port))
  const addresses: string[] = []
  for (const [index, each] of guests.entries()) {
    if (mode === 'isolated') {
      addresses.push(`10.99.0.${String(index + 2)}`)
      await each.must('ip', ['addr', 'add', `10.99.0.${String(index + 2)}/24`, 'dev', each.dev])
      await each.must('ip', ['route', 'add', 'default', 'via', '10.99.0.1'])
    } else {
      const lease = await dhcp(each, tmp, { dev: each.dev })
      assert.ok(lease, `no lease on ${bridge}`)
      addresses.push(lease.ip)
    }
  }
  const [a, b] = guests
  const among = await ping(a, addresses[1] ?? '')
  const out = await ping(a, '198.51.100.1')
  const into = await ping(router, addresses[0] ?? '')
  for (const { port } of [a, b]) await ns.must('ip', ['link', 'del', port])
  return `guest to guest: ${yesNo(among)}\nguest to router: ${yesNo(out)}\nrouter to guest: ${yesNo(into)}\n`
}

/** Runs a row's command: shell, and `packets` where it stands. */
async function perform (rig: Rig, command: string): Promise<string> {
  let output = ''
  for (const part of command.split(/;? ?(packets \w+ \w+);? ?/)) {
    const [, mode, bridge] = /^packets (\w+) (\w+)$/.exec(part) ?? []
    if (mode !== undefined && bridge !== undefined) output += await packets(rig, mode, bridge)
    else if (part !== '') {
      const { stdout, stderr, code } = await rig.line.shell(part, { cwd: join(rig.tmp, 'seeds') })
      assert.is(code, 0, `${part}: exit code ${String(code)}\n${stdout}${stderr}`)
      assert.is(stderr, '', part)
      output += stdout
    }
  }
  return output
}

/** The rows of these tutorials, a test each: in several files, since each row starts programs. */
export function replay (test: Test, seeds: readonly string[]): void {
  for (const seed of seeds) {
    const { uplink: dev = '', before = '' } = tutorials[seed] ?? {}
    kernelTest(test, `seeds: tutorial ${seed} does what it says`, async ({ ns, tmp }) => {
      const line = await commandLine({ ns, tmp })
      await cp('test/seeds', join(tmp, 'seeds'), { recursive: true })
      const rig = { ns, tmp, line, router: await uplink(ns, dev) }
      if (before !== '') await perform(rig, before)
      for (const row of rows.filter((each) => each.seed === seed && each.kind === 'run')) {
        const output = words(await perform(rig, row.command))
        assert.ok(pattern(row.expected).test(output), `row ${String(row.number)}: ${row.command}\nexpected: ${words(row.expected)}\nactual:   ${output}`)
      }
      await perform(rig, 'for n in $(netwright -q net-list --name); do netwright -q net-destroy $n; done; for n in $(netwright -q net-list --all --name); do netwright -q net-undefine $n; done')
    }, { needs: ['dnsmasq', 'nft', 'tun', 'udhcpc'] })
  }
}
