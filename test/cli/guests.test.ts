/** virsh's verbs about guests: words, tables, exit codes; `ip` and `bridge` say what stands, a DHCP client is the guest. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kernelTest } from '../harness/kernel-test.js'
import { commandLine } from './command-line.js'

const lab = { name: 'lab', subnet: '10.7.0.0/24', dhcp: true, bridge: 'br-lab' }
const MAC = '52:54:00:00:07:01'

kernelTest(test, 'guests: interfaces are attached, listed and detached in virsh\'s words', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'lab.json')
  await writeFile(file, JSON.stringify(lab))
  await line.must('net-create', file)
  assert.is(await line.must('attach-interface', '--domain', 'vm 1', '--type', 'network', '--source', 'lab', '--model', 'virtio', '--mac', MAC, '--config', '--live'), 'Interface attached successfully\n\n')
  const [link] = await ns.json<{ master: string, linkinfo: { info_kind: string, info_data: { type: string, persist: boolean } } }[]>('ip', ['-j', '-d', 'link', 'show', 'vnet0'])
  assert.equal([link?.master, link?.linkinfo.info_kind, link?.linkinfo.info_data.type, link?.linkinfo.info_data.persist], ['br-lab', 'tun', 'tap', true])
  assert.is(await line.must('domiflist', 'vm 1'), [
    ' Interface   Type      Source   Model    MAC', '------------------------------------------------------------', ` vnet0       network   lab      virtio   ${MAC}`, '', '',
  ].join('\n'))
  assert.match(await line.must('domiflist', 'vm 1', '--inactive'), / - {11}network {3}lab {6}virtio {3}52:54:00:00:07:01\n/)
  assert.is(await line.must('domifstat', 'vm 1', MAC).then((text) => text.replace(/\d+\n/g, 'N\n')), ['rx_bytes', 'rx_packets', 'rx_errs', 'rx_drop', 'tx_bytes', 'tx_packets', 'tx_errs', 'tx_drop'].map((name) => `vnet0 ${name} N\n`).join('') + '\n')
  assert.is(await line.must('domif-setlink', 'vm 1', 'vnet0', 'down'), 'Device updated successfully\n\n')
  assert.not.ok((await ns.json<{ flags: readonly string[] }[]>('ip', ['-j', 'link', 'show', 'vnet0']))[0]?.flags.includes('UP'))
  assert.is(await line.must('domif-getlink', 'vm 1', MAC), `${MAC} down\n\n`)
  await line.must('domif-setlink', 'vm 1', MAC, 'up')
  assert.ok((await ns.json<{ flags: readonly string[] }[]>('ip', ['-j', 'link', 'show', 'vnet0']))[0]?.flags.includes('UP'))
  await line.must('attach-interface', 'vm 1', 'network', 'lab', '--target', 'second')
  const fails = async (words: string[], text: string): Promise<void> => {
    const { stderr, code } = await line.run(words)
    assert.equal([code, stderr], [1, text], words.join(' '))
  }
  await fails(['detach-interface', 'vm 1', 'network'], 'error: Failed to detach interface\nerror: Domain has 2 interfaces. Please specify which one to detach using --mac\n')
  await fails(['detach-interface', 'vm 1', 'bridge'], 'error: Failed to detach interface\nerror: No interface found whose type is bridge\n')
  await fails(['detach-interface', 'vm 1', 'network', '--mac', '52:54:00:00:00:99'], 'error: Failed to detach interface\nerror: No interface with MAC address 52:54:00:00:00:99 was found\n')
  await fails(['attach-interface', 'vm 1', 'network', 'lab', '--mac', MAC], `error: Failed to attach interface\nerror: invalid argument: network device with mac ${MAC} already exists\n`)
  await fails(['attach-interface', 'vm 1', 'network', 'nope'], 'error: Failed to attach interface\nerror: Network not found: no network with matching name \'nope\'\n')
  await fails(['attach-interface', 'vm 1', 'network'], 'error: command \'attach-interface\' requires <source> option\nremedy: netwright help attach-interface\n')
  await fails(['attach-interface', 'vm 1', 'network', 'lab', '--live', '--current'], 'error: Options --current and --live are mutually exclusive\n')
  await fails(['domif-setlink', 'vm 1', 'vnet7', 'up'], 'error: Failed to update interface link state\nerror: interface (target: vnet7) not found\n')
  await fails(['domif-setlink', 'vm 1', 'vnet0', 'sideways'], 'error: invalid link state \'sideways\'\n')
  await fails(['domiflist', 'nobody'], 'error: failed to get domain \'nobody\'\nerror: Domain not found: no domain with matching name \'nobody\'\n')
  const bad = await line.run(['attach-interface', 'a/b', 'network', 'lab'])
  assert.match(bad.stderr, /a\/b.*holds a character that no name may hold/)
  assert.is(await line.must('detach-interface', 'vm 1', 'network', '--mac', MAC, '--live', '--config'), 'Interface detached successfully\n\n')
  assert.match(await line.must('--json', 'domiflist', 'vm 1'), /^\[\{"type":"network","source":"lab","mac":"52:54:00:[0-9a-f:]{8}","model":"virtio","dev":"second"\}\]\n$/)
  await line.must('detach-interface', 'vm 1', 'network')
  assert.is(await ns.must('ip', ['-br', 'link', 'show', 'type', 'tun']), '')
  await line.must('net-destroy', 'lab')
}, { needs: ['nft', 'tun', 'dnsmasq'] })

kernelTest(test, 'guests: what --config keeps is attached by the next attach of that name, with the same MAC', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'lab.json')
  await writeFile(file, JSON.stringify(lab))
  await line.must('net-create', file)
  await line.must('attach-interface', 'vm1', 'network', 'lab', '--mac', MAC, '--config')
  await line.must('attach-interface', 'vm1', 'network', 'lab', '--target', 'second', '--config')
  assert.is(await ns.must('ip', ['-br', 'link', 'show', 'type', 'tun']), '')
  await line.must('domif-setlink', 'vm1', MAC, 'down', '--config')
  assert.is(await line.must('domif-getlink', 'vm1', MAC, '--config'), `${MAC} down\n\n`)
  const kept = join(line.root, 'etc/netwright/domains/vm1.json')
  const before = await readFile(kept, 'utf8')
  await line.must('attach-interface', 'vm1')
  await line.must('attach-interface', 'vm1') // what is there is left alone
  const taps = async (): Promise<string[]> => (await ns.json<{ ifname: string }[]>('ip', ['-j', 'link', 'show', 'master', 'br-lab'])).map(({ ifname }) => ifname).sort()
  assert.equal(await taps(), ['second', 'vnet0'])
  assert.not.ok((await ns.json<{ flags: readonly string[] }[]>('ip', ['-j', 'link', 'show', 'vnet0']))[0]?.flags.includes('UP'))
  assert.match(await line.must('domiflist', 'vm1'), / vnet0 .* 52:54:00:00:07:01\n/)
  await line.must('detach-interface', 'vm1', 'network', '--mac', MAC)
  assert.is(await readFile(kept, 'utf8'), before)
  // All or nothing: the second name is somebody else's.
  await line.must('detach-interface', 'vm1', 'network')
  await ns.must('ip', ['link', 'add', 'second', 'type', 'bridge'])
  const refused = await line.run(['attach-interface', 'vm1'])
  assert.equal([refused.code, refused.stderr.split('\n')[0]], [1, 'error: Failed to attach interface'])
  assert.match(refused.stderr, /second/)
  assert.equal(await taps(), [])
  await ns.must('ip', ['link', 'del', 'second'])
  await writeFile(kept, '{"version":1,"name":"vm1","interfaces":[{"type":"network","source":7}]}')
  assert.match((await line.run(['attach-interface', 'vm1'])).stderr, /vm1\.json: not what netwright has written: interfaces\.0\.source/)
  await writeFile(kept, before)
  await line.must('detach-interface', 'vm1', 'network', '--mac', MAC, '--config')
  await line.must('detach-interface', 'vm1', 'network', '--config')
  assert.is((await line.run(['domiflist', 'vm1'])).code, 1)
  await line.must('net-destroy', 'lab')
}, { needs: ['nft', 'tun', 'dnsmasq'] })

test.run()
