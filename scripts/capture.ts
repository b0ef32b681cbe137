/**
 * Captures what a tool sends to the kernel, or receives from it, as a fixture: runs it under strace in a fresh namespace.
 *
 *     node dist/scripts/capture.js sent     test/fixtures/rtnl-bridge-add.hex  '' ip link add br0 type bridge stp_state 1
 *     node dist/scripts/capture.js received test/fixtures/rtnl-links.hex 'ip link add br0 type bridge' ip -j -d link show
 *
 * The third argument is a shell command that prepares the namespace. Of what is sent, questions are left out.
 * A fixture is captioned with command, tool and kernel; what the tool printed stands in it as `# output` lines.
 * Needs root, ip and strace. `capture.js all` makes every rtnetlink fixture anew.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { messages, NLMSG_MIN_TYPE } from '../src/netlink/header.js'

type Direction = 'sent' | 'received'
interface Capture { readonly direction: Direction, readonly file: string, readonly setup: string, readonly command: readonly string[] }

/** What is sent for a kind of link can be seen on a kernel that lacks it, too. */
const UNKNOWN = /Unknown device type/

const run = (command: string, args: readonly string[]): string => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20 })
  if (error !== undefined) throw error
  if (status !== 0 && !UNKNOWN.test(stderr)) throw new Error(`${command} ${args.join(' ')}: exit ${String(status)}: ${stderr}`)
  return stdout
}

/** The data of each sendmsg or recvmsg in strace's log with `-e write=all` or `-e read=all`. A peek has no bytes there. */
function datagrams (log: string): Buffer[] {
  const found: Buffer[] = []
  let open: string[] | undefined
  for (const line of log.split('\n')) {
    const bytes = /^ \| [0-9a-f]{5,} {2}((?:[0-9a-f]{2} {1,2}){1,16})/.exec(line)?.[1]
    if (bytes !== undefined) { (open ??= []).push(bytes.replace(/\s/g, '')); continue }
    if (open !== undefined) found.push(Buffer.from(open.join(''), 'hex'))
    open = undefined
  }
  return found
}

/** RTM_GET* (below 0x100: the types of nfnetlink are in another order), or the empty message without sequence number by which iproute2 finds out whether the kernel checks strictly. */
const isQuestion = (piece: Buffer): boolean => piece.readUInt32LE(8) === 0 || (piece.readUInt16LE(4) >= NLMSG_MIN_TYPE && piece.readUInt16LE(4) < 0x100 && (piece.readUInt16LE(4) & 3) === 2)

function observe ({ direction, setup, command }: Capture): { output: string, messages: Buffer[] } {
  const ns = `nw-capture-${String(process.pid)}`
  const dir = mkdtempSync(join(tmpdir(), 'capture-'))
  run('ip', ['netns', 'add', ns])
  try {
    if (setup !== '') run('ip', ['netns', 'exec', ns, 'sh', '-ec', setup])
    const log = join(dir, 'log')
    const what = direction === 'sent' ? ['-e', 'trace=sendmsg,sendto', '-e', 'write=all'] : ['-e', 'trace=recvmsg', '-e', 'read=all']
    const output = run('ip', ['netns', 'exec', ns, 'strace', '-o', log, ...what, ...command])
    const kept = datagrams(readFileSync(log, 'utf8')).flatMap((datagram) => pieces(datagram)).filter((piece) => direction === 'received' || !isQuestion(piece))
    return { output, messages: kept }
  } finally {
    run('ip', ['netns', 'del', ns])
    rmSync(dir, { recursive: true })
  }
}

/** Each message with its header. */
function pieces (datagram: Buffer): Buffer[] {
  let at = 0
  return [...messages(datagram)].map(({ payload }) => {
    const piece = datagram.subarray(at, at + 16 + payload.length)
    at += (piece.length + 3) & ~3
    return piece
  })
}

function capture (wanted: Capture): void {
  const { output, messages: kept } = observe(wanted)
  const tool = wanted.command[0] ?? 'ip'
  const lines = [
    `# command: ${wanted.command.join(' ')}`,
    ...(wanted.setup === '' ? [] : [`# after: ${wanted.setup}`]),
    `# ${wanted.direction}; tool: ${run(tool, ['-V']).trim()}; kernel: ${release().split('-')[0] ?? ''}`,
    ...output.split('\n').filter((line) => line !== '').map((line) => `# output ${line}`),
    ...kept.flatMap((piece) => ['# message', ...(piece.toString('hex').padEnd(Math.ceil(piece.length / 4) * 8, '0').match(/.{1,64}/g) ?? []).map((row) => row.replace(/.{8}(?!$)/g, '$& '))]),
  ]
  writeFileSync(wanted.file, `${lines.join('\n')}\n`)
  process.stdout.write(`${wanted.file}: ${String(kept.length)} messages\n`)
}

const network = [
  'ip link add br0 address 52:54:00:00:00:01 type bridge forward_delay 200 stp_state 0 mcast_snooping 0', 'ip link set br0 up alias lan',
  'ip link add v0 address 52:54:00:00:00:02 type veth peer name v1 address 52:54:00:00:00:03', 'ip link set v0 master br0 up', 'ip link set v1 up',
  'ip tuntap add dev t0 mode tap user 65534 multi_queue vnet_hdr', 'ip link set t0 address 52:54:00:00:00:04 master br0 group 77', 'ip link set t0 type bridge_slave isolated on',
  'ip link property add dev v1 altname otherend', 'ip addr add 192.0.2.1/24 brd + dev br0', 'ip addr add 2001:db8::1/64 dev br0 nodad',
].join('; ')
const macvtaps = 'ip link add v0 address 52:54:00:00:00:02 type veth peer name v1 address 52:54:00:00:00:03; ip link add link v0 name mv0 address 52:54:00:00:00:06 type macvtap mode private; ip link add link v1 name mv1 address 52:54:00:00:00:07 type macvlan mode bridge'
const routes = `${network}; ip route add 198.51.100.0/24 via 192.0.2.9 metric 5 mtu 1400; ip addr add 203.0.113.1/24 dev v1; ip route add 10.0.0.0/8 nexthop via 192.0.2.7 weight 3 nexthop via 203.0.113.7; ip route add blackhole 10.99.0.0/16; ip route add 172.16.0.0/12 via 192.0.2.5 table 1000; ip route add 2001:db8:1::/48 via 2001:db8::9`
const neighbours = `${network}; ip neigh add 192.0.2.7 lladdr 52:54:00:00:00:07 dev br0; ip neigh add 2001:db8::7 lladdr 52:54:00:00:00:08 dev br0 nud permanent router; ip neigh add proxy 192.0.2.8 dev br0`

const tracked = (rest: string): string => `conntrack -I -t 3000 ${rest}`
const connections = [
  tracked('-p tcp -s 10.7.0.2 -d 192.0.2.9 --sport 4000 --dport 443 --state ESTABLISHED -r 192.0.2.9 -q 198.51.100.1 --reply-port-src 443 --reply-port-dst 61000'),
  tracked('-p udp -s 192.0.2.8 -d 198.51.100.1 --sport 5000 --dport 53 -r 10.7.0.3 -q 192.0.2.8 --reply-port-src 53 --reply-port-dst 5000 --mark 7'),
  tracked('-p icmp -s 10.8.0.2 -d 192.0.2.9 --icmp-type 8 --icmp-code 0 --icmp-id 77'), tracked('-p udp -s 10.7.0.4 -d 192.0.2.9 --sport 5000 --dport 53 --zone 5'),
  tracked('-p icmpv6 -s 2001:db8:7::2 -d 2001:db8::9 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 78'), tracked('-p tcp -s 2001:db8:8::2 -d 2001:db8::9 --sport 4000 --dport 443 --state ESTABLISHED'),
].join('; ')

const fixture = (direction: Direction, name: string, setup: string, command: string): Capture =>
  ({ direction, file: `test/fixtures/rtnl-${name}.hex`, setup, command: command.split(' ') })

const all: readonly Capture[] = [
  fixture('sent', 'bridge-add', '', 'ip link add br0 address 52:54:00:00:00:01 mtu 1400 type bridge stp_state 1 forward_delay 200 hello_time 100 max_age 1000 ageing_time 30000 priority 4096 group_fwd_mask 8 group_address 01:80:c2:00:00:04 mcast_snooping 0 mcast_querier 1 mcast_hash_max 512 mcast_query_interval 12500 mcast_igmp_version 3 nf_call_iptables 1'),
  fixture('sent', 'veth-add', '', 'ip link add v0 address 52:54:00:00:00:02 type veth peer name v1 address 52:54:00:00:00:03 mtu 1400'),
  fixture('sent', 'vlan-add', 'ip link add v0 type veth peer name v1', 'ip link add link v1 name v1.20 index 77 type vlan protocol 802.1Q id 20'),
  fixture('sent', 'bond-add', '', 'ip link add name bond7 address 52:54:00:00:00:02 index 78 type bond mode active-backup miimon 100'),
  fixture('sent', 'macvtap-add', 'ip link add v0 type veth peer name v1', 'ip link add link v0 name mv0 address 52:54:00:00:00:06 mtu 1400 type macvtap mode passthru bcqueuelen 100'),
  fixture('sent', 'port-set', network, 'ip link set v0 type bridge_slave priority 16 cost 7 hairpin on learning off flood off mcast_flood off isolated on neigh_suppress on'),
  fixture('sent', 'link-set', network, 'ip link set dev br0 up mtu 1300 address 52:54:00:00:00:09 alias text group 9'),
  fixture('sent', 'link-addrgen', network, 'ip link set dev br0 addrgenmode none'),
  fixture('sent', 'link-del', network, 'ip link del br0'),
  fixture('sent', 'addr-add', network, 'ip addr add 198.51.100.1/25 brd 198.51.100.127 dev br0 noprefixroute'),
  fixture('sent', 'addr-add6', network, 'ip addr add 2001:db8:5::1/64 dev br0 nodad valid_lft 600 preferred_lft 300'),
  fixture('sent', 'route-add', network, 'ip route add 198.51.100.0/24 via 192.0.2.9 dev br0 proto 16 metric 5 src 192.0.2.1 mtu 1400 advmss 1300 table 1000'),
  fixture('sent', 'route-multipath', network, 'ip route add 10.0.0.0/8 nexthop via 192.0.2.7 dev br0 weight 3 nexthop via 192.0.2.8 dev br0'),
  fixture('sent', 'neigh-add', network, 'ip neigh add 192.0.2.7 lladdr 52:54:00:00:00:07 dev br0 nud permanent'),
  fixture('sent', 'fdb-add', network, 'bridge fdb add 52:54:00:00:00:0a dev v0 master static'),
  fixture('received', 'links', network, 'ip -j -d link show'),
  fixture('received', 'macvtaps', macvtaps, 'ip -j -d link show'),
  fixture('received', 'addrs', network, 'ip -j addr show'),
  fixture('received', 'routes', routes, 'ip -j -N -d route show table all'),
  fixture('received', 'routes6', routes, 'ip -6 -j -N -d route show'),
  fixture('received', 'neighs', neighbours, 'ip -j neigh show'),
  fixture('received', 'fdb', `${network}; bridge fdb add 52:54:00:00:00:0a dev v0 master static`, 'bridge -j fdb show br br0'),
  { direction: 'received', file: 'test/fixtures/ct-entries.hex', setup: connections, command: ['conntrack', '-L', '-o', 'xml,id'] },
  { direction: 'received', file: 'test/fixtures/ct-entries6.hex', setup: connections, command: ['conntrack', '-L', '-f', 'ipv6', '-o', 'xml,id'] },
]

const [direction, file, setup = '', ...command] = process.argv.slice(2)
if (direction === 'all') for (const wanted of all) capture(wanted)
else if ((direction === 'sent' || direction === 'received') && file !== undefined && command.length > 0) capture({ direction, file, setup, command })
else { process.stderr.write('usage: capture.js all | sent FILE SETUP COMMAND… | received FILE SETUP COMMAND…\n'); process.exitCode = 2 }
