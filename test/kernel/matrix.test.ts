/**
 * What networks do to packets, every kind to every kind, as libvirt does it except where firewall.ts says otherwise.
 *
 * Each kind exists twice, `a` and `b`, with two guests in `a` and one in `b`; the host has two uplinks with a neighbour behind each.
 * Everything is asked by TCP, UDP and ICMP, over IPv4 and IPv6, with and without br_netfilter, and all wrong cells are told at once.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openHost } from '../../src/index.js'
import type { NetworkInput } from '../../src/network/spec.js'
import { guest } from '../harness/guest.js'
import { kernelTest, veth, type Namespace, type TestNamespace } from '../harness/kernel-test.js'
import { has } from '../harness/needs.js'
import { ask, serve, type Answer, type Question } from './probe.js'

/**
 * own: answered, and the asker's own address is seen · host: answered, but an address of the host is seen · no: refused with an ICMP error ·
 * drop: silence · none: not answered, in whatever way · A word for IPv4 and one for IPv6 where they differ.
 *
 * up0, up1: a neighbour behind an uplink. mate: another guest of the same network. gate: a service of the host at the own gateway's address.
 * dns: the own gateway's names. nat … bare: a guest of another network of that kind. gates: the host's service at the other networks' gateways.
 * names: their DNS. leases: their DHCP.
 */
const cells = `
from       up0   up1       mate  gate  dns  nat   natdev  route  routedev  isolated  open  bare  gates  names  leases
nat        host  host      own   own   own  no    no      host   no        no        host  none  own    drop   drop
natdev     no    host/own  own   own   own  no    no      no     no        no        no    none  own    drop   drop
route      own   own       own   own   own  no    no      own    no        no        own   none  own    drop   drop
routedev   no    own       own   own   own  no    no      no     no        no        no    none  own    drop   drop
isolated   no    no        own   own   own  no    no      no     no        no        no    none  own    drop   drop
open       own   own       own   own   own  no    no      own    no        no        own   none  own    drop   drop
bare       none  none      own   -     -    none  none    none   none      none      none  none  none   none   none
up0        -     -         -     -     -    no    no      own    no        no        own   none  own    drop   drop
up1        -     -         -     -     -    no    no      own    own       no        own   none  own    drop   drop
host       own   own       -     -     -    own   own     own    own       own       own   none  own    own    -
`

const kinds = {
  nat: { forward: { mode: 'nat', nat: { ipv6: true } } },
  natdev: { forward: { mode: 'nat', dev: 'up1' } },
  route: { forward: { mode: 'route' } },
  routedev: { forward: { mode: 'route', dev: 'up1' } },
  isolated: { forward: { mode: 'none' } },
  open: { forward: { mode: 'open' } },
  bare: { forward: { mode: 'none' } },
} as const satisfies Record<string, Pick<NetworkInput, 'forward'>>
type Kind = keyof typeof kinds
const all = Object.keys(kinds) as Kind[]
const addressed = all.filter((kind) => kind !== 'bare')

const PORT = 7000
const families = [4, 6] as const
type Family = typeof families[number]
type Side = 'a' | 'b'

/** The subnet of a kind on a side without its last number. */
function subnet (side: Side, kind: Kind, family: Family): string {
  const [first, second] = [side === 'a' ? 1 : 2, all.indexOf(kind) + 1]
  return family === 4 ? `10.${String(first)}.${String(second)}.` : `fd00:${String(first)}:${String(second)}::`
}
const gateway = (side: Side, kind: Kind, family: Family): string => `${subnet(side, kind, family)}1`
const host = (uplink: 0 | 1, family: Family): string => family === 4 ? `198.51.${String(100 + uplink)}.1` : `2001:db8:a${String(uplink)}::1`
const neighbour = (uplink: 0 | 1, family: Family): string => family === 4 ? `198.51.${String(100 + uplink)}.2` : `2001:db8:a${String(uplink)}::2`
const length = (family: Family): string => family === 4 ? '24' : '64'

function definition (side: Side, kind: Kind): NetworkInput {
  const ip = families.map((family) => ({ address: gateway(side, kind, family), prefix: Number(length(family)), ...family === 4 ? { dhcp: { range: [{ start: `${subnet(side, kind, 4)}100`, end: `${subnet(side, kind, 4)}150` }] } } : {} }))
  return {
    name: `${side}-${kind}`, bridge: `${side}${kind}`, ...kinds[kind],
    ...kind === 'bare' ? {} : { ip, dns: { host: [{ ip: '192.0.2.77', hostname: ['known.test'] }] } },
  }
}

async function address (ns: Namespace, dev: string, prefix: (family: Family) => string, last: number): Promise<void> {
  for (const family of families) await ns.must('ip', ['addr', 'add', `${prefix(family)}${String(last)}/${length(family)}`, 'dev', dev, ...family === 6 ? ['nodad'] : []])
}

/** Its addresses are those it is given, and are good at once. */
async function quiet (ns: Namespace): Promise<void> {
  await ns.must('sysctl', ['-q', '-w', ...['all', 'default', 'eth0'].flatMap((dev) => [`net.ipv6.conf.${dev}.accept_ra=0`, `net.ipv6.conf.${dev}.accept_dad=0`])])
}

/** The host: link-local addresses at once, refusals without a limit (1 a second by default), two uplinks. */
async function ground (ns: TestNamespace): Promise<readonly [Namespace, Namespace]> {
  await ns.must('sysctl', ['-q', '-w', 'net.ipv6.conf.default.accept_dad=0', 'net.ipv4.icmp_ratemask=0', 'net.ipv6.icmp.ratelimit=0', 'net.ipv4.icmp_msgs_per_sec=100000', 'net.ipv4.icmp_msgs_burst=10000'])
  const outsides = [await ns.add(), await ns.add()] as const
  for (const uplink of [0, 1] as const) {
    const outside = outsides[uplink]
    await veth(ns, `up${String(uplink)}`, outside, 'eth0')
    await quiet(outside)
    for (const family of families) {
      const nodad = family === 6 ? ['nodad'] : []
      await ns.must('ip', ['addr', 'add', `${host(uplink, family)}/${length(family)}`, 'dev', `up${String(uplink)}`, ...nodad])
      await outside.must('ip', ['addr', 'add', `${neighbour(uplink, family)}/${length(family)}`, 'dev', 'eth0', ...nodad])
      await outside.must('ip', [`-${String(family)}`, 'route', 'add', 'default', 'via', host(uplink, family)])
    }
  }
  return outsides
}

/** A guest of a network with its address and a default route; that of a bare network knows the bridge by its MAC and sends there all the same. */
async function settle (ns: TestNamespace, side: Side, kind: Kind): Promise<Namespace> {
  const inside = await guest(ns, `${side}${kind}`)
  // The gateway's advertisements would give it more addresses to speak with.
  await quiet(inside)
  // One may have come before that.
  await inside.must('ip', ['-6', 'addr', 'flush', 'dev', 'eth0', 'scope', 'global'])
  await inside.must('ip', ['-6', 'route', 'flush', 'table', 'main', 'proto', 'ra'])
  await address(inside, 'eth0', (family) => subnet(side, kind, family), 2)
  for (const family of families) await inside.must('ip', [`-${String(family)}`, 'route', 'add', 'default', 'via', gateway(side, kind, family)])
  if (kind !== 'bare') return inside
  const [{ address: mac }] = await ns.json<[{ address: string }]>('ip', ['-j', 'link', 'show', `${side}${kind}`])
  for (const family of families) await inside.must('ip', ['neigh', 'add', gateway(side, kind, family), 'lladdr', mac, 'dev', 'eth0'])
  return inside
}

interface Cell { readonly from: string, readonly to: string, readonly words: readonly [string, string] }

function table (): readonly Cell[] {
  const [head = '', ...rows] = cells.trim().split('\n')
  const columns = head.split(/ +/).slice(1)
  return rows.flatMap((row) => {
    const [from = '', ...words] = row.split(/ +/)
    assert.is(words.length, columns.length, row)
    return columns.map((to, i): Cell => { const [four = '', six = four] = (words[i] ?? '').split('/'); return { from, to, words: [four, six] } }).filter(({ words: [four] }) => four !== '-')
  })
}

type Target = Pick<Question, 'how' | 'address' | 'port'>
const service = (at: string): Target[] => [{ how: 'tcp', address: at, port: PORT }, { how: 'udp', address: at, port: PORT }, { how: 'icmp', address: at }]

/** What a cell's column means for who asks. */
function targets ({ from, to }: Cell, family: Family): Target[] {
  const kind = all.find((one) => one === from)
  const others = addressed.map((one) => gateway('b', one, family))
  const guestOf = all.find((one) => one === to)
  if (guestOf !== undefined) return service(`${subnet('b', guestOf, family)}2`)
  if (to === 'up0' || to === 'up1') return service(neighbour(to === 'up0' ? 0 : 1, family))
  if (to === 'gates') return others.flatMap(service)
  if (to === 'names') return others.flatMap((at): Target[] => [{ how: 'dns', address: at }, { how: 'udp', address: at, port: 69 }])
  if (to === 'leases') return others.map((at): Target => family === 4 ? { how: 'udp', address: at, port: 67 } : { how: 'udp', address: at, port: 547 })
  if (kind === undefined) throw new Error(`no column ${to} for ${from}`)
  if (to === 'mate') return service(`${subnet('a', kind, family)}3`)
  if (to === 'dns') return [{ how: 'dns', address: gateway('a', kind, family) }]
  return service(gateway('a', kind, family))
}

interface Asked { readonly cell: Cell, readonly question: Question, readonly family: Family, readonly word: string }

/** Silence costs its patience; where an answer is due, a slow machine may take its time. */
function questions (cell: Cell): Asked[] {
  return families.flatMap((family) => {
    const word = cell.words[family === 4 ? 0 : 1]
    // A host asks its own gateways for names only: TFTP is nobody's there, which is refused.
    return targets(cell, family).filter(({ port }) => !(cell.from === 'host' && port === 69)).map((target): Asked => ({ cell, family, word, question: { ...target, patience: word === 'drop' || word === 'none' ? 1_200 : 12_000 } }))
  })
}

function verdict ({ word, question, cell, family }: Asked, { what, from, error }: Answer): string | undefined {
  const source = from === undefined || question.how === 'dns' || question.how === 'icmp' ? 'any' : from === own(cell.from, family) || cell.from === 'host' ? 'own' : hosts.has(from) ? 'host' : from
  const right = word === 'own' || word === 'host' ? what === 'pass' && (source === 'any' || source === word) : word === 'no' ? what === 'refused' : word === 'drop' ? what === 'silent' : what !== 'pass'
  if (right) return undefined
  return `${cell.from} -> ${cell.to} (${question.how} ${question.address}${question.port === undefined ? '' : ` ${String(question.port)}`}): ${word} is right, but ${what}${from === undefined ? '' : ` seen as ${from}`}${error === undefined ? '' : ` ${error}`}`
}

const own = (from: string, family: Family): string => {
  const kind = all.find((one) => one === from)
  return kind === undefined ? neighbour(from === 'up0' ? 0 : 1, family) : `${subnet('a', kind, family)}2`
}
const hosts = new Set(families.flatMap((family) => [host(0, family), host(1, family), ...addressed.map((kind) => gateway('b', kind, family))]))

async function wrong (seats: ReadonlyMap<string, Namespace>, wanted: readonly Cell[], note: string): Promise<string[]> {
  const found = await Promise.all([...seats].map(async ([from, ns]) => {
    const asked = wanted.filter((cell) => cell.from === from).flatMap(questions)
    const answers = await ask(ns, asked.map(({ question }) => question))
    return asked.flatMap((one, i) => { const answer = answers[i]; return answer === undefined ? [] : verdict(one, answer) ?? [] })
  }))
  return found.flat().map((line) => `${note}: ${line}`)
}

kernelTest(test, 'matrix: every kind of network passes, refuses and ignores what it should', async ({ ns, tmp }) => {
  const [up0, up1] = await ground(ns)
  await using open = await openHost({ netns: ns.path, root: tmp })
  const networks = await open.create((['a', 'b'] as const).flatMap((side) => all.map((kind) => definition(side, kind))))
  const seats = new Map<string, Namespace>([['up0', up0], ['up1', up1], ['host', ns]])
  const mates = await ns.add()
  await mates.must('sysctl', ['-q', '-w', 'net.ipv6.conf.default.accept_ra=0', 'net.ipv6.conf.default.accept_dad=0'])
  for (const kind of all) {
    const inside = await settle(ns, 'a', kind)
    seats.set(kind, inside)
    await veth(ns, `m${kind}`, mates, `a${kind}`)
    await ns.must('ip', ['link', 'set', `m${kind}`, 'master', `a${kind}`])
    await address(mates, `a${kind}`, (family) => subnet('a', kind, family), 3)
    await serve(await settle(ns, 'b', kind), PORT)
  }
  for (const one of [up0, up1, mates]) await serve(one, PORT)
  await serve(ns, PORT, families.flatMap((family) => addressed.flatMap((kind) => [gateway('a', kind, family), gateway('b', kind, family)])))

  const problems: string[] = []
  for (const value of has('br_netfilter') ? ['1', '0'] : ['']) {
    if (value !== '') await ns.must('sysctl', ['-q', '-w', ...['iptables', 'ip6tables', 'arptables'].map((what) => `net.bridge.bridge-nf-call-${what}=${value}`)])
    problems.push(...await wrong(seats, table(), `br_netfilter ${value === '1' ? 'on' : 'off'}`))
  }
  // Even where somebody routes to a network without address, nothing passes through the host.
  for (const family of families) for (const side of ['a', 'b'] as const) await ns.must('ip', [`-${String(family)}`, 'route', 'add', `${subnet(side, 'bare', family)}${family === 4 ? '0' : ''}/${length(family)}`, 'dev', `${side}bare`])
  const bare = table().filter(({ from, to }) => (from === 'bare' && to !== 'gates' && to !== 'mate') || (to === 'bare' && from !== 'host'))
  problems.push(...await wrong(seats, bare, 'bare networks routed by hand'))
  if (problems.length > 0) throw new Error(`${String(problems.length)} answers are wrong:\n${problems.join('\n')}`)
  for (const network of networks) await network.destroy()
  // What the host has asked itself stays in the neighbour table of its loopback.
  await ns.must('ip', ['neigh', 'flush', 'dev', 'lo', 'nud', 'noarp'])
}, { needs: ['dnsmasq', 'nft'] })

test.run()
