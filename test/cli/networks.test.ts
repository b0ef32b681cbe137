/** virsh's verbs against the real kernel: words, streams and exit codes; `ip` and `nft` say what stands. */
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dhcp, guest } from '../harness/guest.js'
import { kernelTest } from '../harness/kernel-test.js'
import { commandLine, program } from './command-line.js'

const quick = { name: 'quick', forward: 'nat', subnet: '10.66.0.0/24', bridge: 'br-quick', mac: '52:54:00:00:66:01', uuid: '43d8bf8b-3558-4ed0-85d3-66b8de7783ff' }

kernelTest(test, 'networks: the life of one, in virsh\'s words', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'quick.json')
  await writeFile(file, JSON.stringify(quick))
  assert.is(await line.must('net-list', '--all'), ' Name   State   Autostart   Persistent\n----------------------------------------\n\n')
  assert.is(await line.must('net-define', file), `Network quick defined from ${file}\n\n`)
  assert.is(await line.must('net-uuid', 'quick'), `${quick.uuid}\n\n`)
  assert.is(await line.must('net-name', quick.uuid), 'quick\n\n')
  assert.is(await line.must('net-start', quick.uuid), `Network ${quick.uuid} started\n\n`)
  assert.match(await ns.must('ip', ['-br', 'addr', 'show', 'dev', 'br-quick']), /10\.66\.0\.1\/24/)
  assert.is(await line.must('list'), ' Name    State    Autostart   Persistent\n------------------------------------------\n quick   active   no          yes\n\n')
  assert.is(await line.must('net-list', '--uuid', '-q'), `${quick.uuid}\n`)
  assert.is(await line.must('net-info', '--network=quick'), `Name:           quick\nUUID:           ${quick.uuid}\nActive:         yes\nPersistent:     yes\nAutostart:      no\nBridge:         br-quick\n\n`)
  assert.is(await line.must('net-autostart', 'quick'), 'Network quick marked as autostarted\n\n')
  assert.is(await line.must('net-autostart', 'quick', '--disable'), 'Network quick unmarked as autostarted\n\n')
  assert.is(await line.must('net-undefine', 'quick'), 'Network quick has been undefined\n\n')
  assert.match(await line.must('net-list'), / quick {3}active {3}no {10}no\n/)
  assert.is(await line.must('net-destroy', 'quick'), 'Network quick destroyed\n\n')
  assert.is(await line.must('-q', 'net-list', '--all'), '')
}, { needs: ['nft'] })

kernelTest(test, 'networks: errors are virsh\'s two lines on standard error, with exit code 1', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'quick.json')
  await writeFile(file, JSON.stringify(quick))
  const fails = async (words: string[], text: string): Promise<void> => {
    const { stdout, stderr, code } = await line.run(words)
    assert.equal([code, stdout, stderr], [1, '\n', text], words.join(' '))
  }
  await fails(['net-start', 'x'], "error: failed to get network 'x'\nerror: Network not found: no network with matching name 'x'\n")
  await line.must('net-define', file)
  await fails(['net-destroy', 'quick'], "error: Failed to destroy network quick\nerror: Requested operation is not valid: network 'quick' is not active\n")
  await line.must('net-start', 'quick')
  await fails(['net-start', 'quick'], 'error: Failed to start network quick\nerror: Requested operation is not valid: network is already active\n')
  await fails(['net-create', file], `error: Failed to create network from ${file}\nerror: operation failed: network 'quick' already exists with uuid ${quick.uuid}\n`)
  const other = join(tmp, 'other.json')
  await writeFile(other, JSON.stringify({ ...quick, uuid: '43d8bf8b-3558-4ed0-85d3-66b8de778300' }))
  await fails(['net-define', other], `error: Failed to define network from ${other}\nerror: operation failed: network 'quick' already exists with uuid ${quick.uuid}\n`)
  await line.must('net-undefine', 'quick')
  await fails(['net-undefine', 'quick'], "error: Failed to undefine network quick\nerror: Requested operation is not valid: can't undefine transient network\n")
  await fails(['net-autostart', 'quick'], 'error: failed to mark network quick as autostarted\nerror: Requested operation is not valid: cannot set autostart for transient network\n')
  await line.must('net-destroy', 'quick')
}, { needs: ['nft'] })

kernelTest(test, 'networks: --json gives what is shown as JSON, and errors as JSON on standard error', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'quick.json')
  await writeFile(file, JSON.stringify(quick))
  await line.must('net-define', file)
  const started = JSON.parse(await line.must('net-start', 'quick', '--json')) as { name: string, bridge: string, warnings: unknown[] }
  assert.equal([started.name, started.bridge, started.warnings], ['quick', 'br-quick', []])
  const [listed] = JSON.parse(await line.must('--json', 'net-list')) as { name: string, addresses: string[], mode: string }[]
  assert.equal([listed?.name, listed?.addresses, listed?.mode], ['quick', ['10.66.0.1/24'], 'nat'])
  const { stdout, stderr, code } = await line.run(['net-start', 'quick', '--json'])
  assert.equal([code, stdout], [1, ''])
  const { error } = JSON.parse(stderr) as { error: Record<string, unknown> }
  assert.equal([error.code, error.sentence], ['NETWRIGHT_ACTIVE', 'Failed to start network quick'])
  await line.must('net-destroy', 'quick')
}, { needs: ['nft'] })

kernelTest(test, 'networks: a malformed definition is refused with its place, and nothing is stored', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'bad.xml')
  await writeFile(file, '<network>\n  <name>bad</name>\n  <ip address="300.1.1.1"/>\n</network>\n')
  const { stderr, code } = await line.run(['net-define', file])
  assert.is(code, 1)
  assert.match(stderr, new RegExp(`^error: Failed to define network from ${file}\\nerror: line 3, column \\d+: `))
  assert.is(await line.must('-q', 'net-list', '--all'), '')
})

kernelTest(test, 'networks: many commands on standard input run in one process', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const { stdout, stderr, code } = await line.run(['-'], { input: "net-define /dev/null\nnet-info 'no such'\nnet-list --all\n" })
  assert.is(code, 1)
  assert.match(stderr, /^error: line 1: Failed to define network from \/dev\/null\n/)
  assert.match(stderr, /^error: line 2: failed to get network 'no such'$/m)
  assert.match(stdout, /Name {3}State/)
})

kernelTest(test, 'networks: net-dhcp-leases shows a guest\'s lease, and only its own with --mac', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'quick.json')
  await writeFile(file, JSON.stringify({ ...quick, dhcp: true }))
  await line.must('net-create', file)
  assert.match(await line.must('net-dhcp-leases', 'quick'), /^ Expiry Time {3}MAC address {3}Protocol {3}IP address {3}Hostname {3}Client ID or DUID\n-+\n\n$/)
  const vm = await guest(ns, 'br-quick', { mac: '52:54:00:aa:bb:cc' })
  const lease = await dhcp(vm, tmp, { args: ['-x', 'hostname:vm1'] })
  assert.ok(lease)
  assert.match(await line.must('net-dhcp-leases', 'quick'), new RegExp(`\\n \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d   52:54:00:aa:bb:cc   ipv4       ${lease.ip}/24 +vm1 +`))
  assert.match(await line.must('-q', 'net-dhcp-leases', 'quick', '52:54:0:AA:bb:cc'), /52:54:00:aa:bb:cc/)
  assert.is(await line.must('-q', 'net-dhcp-leases', 'quick', '--mac', '52:54:00:00:00:01'), '')
  const wrong = await line.run(['net-dhcp-leases', 'quick', '--mac', 'x'])
  assert.is(wrong.stderr, 'error: Failed to get leases info for quick\nerror: invalid MAC address: x\n')
  await line.must('net-destroy', 'quick')
  await ns.must('ip', ['link', 'del', vm.port])
}, { needs: ['nft', 'dnsmasq', 'udhcpc'] })

kernelTest(test, 'net-edit: what the editor leaves is defined; a mistake is refused and nothing changes', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'quick.json')
  const edited = join(tmp, 'editing')
  await writeFile(file, JSON.stringify(quick))
  await line.must('net-define', file)
  const edit = (editor: string, env: Record<string, string> = {}) => line.run(['net-edit', 'quick'], { env: { EDITOR: editor, TMPDIR: edited, ...env } })
  await writeFile(join(tmp, 'x'), '')
  await ns.must('mkdir', [edited])
  assert.is((await edit('true')).stdout, 'Network quick XML configuration not changed.\n\n')
  assert.is((await edit("sed -i s/10.66.0/10.67.0/")).stdout, 'Network quick XML configuration edited.\n\n')
  assert.match(await line.must('net-dumpxml', 'quick'), /10\.67\.0\.1/)
  const bad = await edit("sed -i s/10.67.0.1/10.67.0.300/")
  assert.is(bad.code, 1)
  assert.match(bad.stderr, /10\.67\.0\.300/)
  assert.match(await line.must('net-dumpxml', 'quick'), /10\.67\.0\.1/)
  const failing = await edit('false')
  assert.is(failing.stderr, "error: the editor 'false' ended with exit code 1\nremedy: set VISUAL or EDITOR to an editor that is installed\n")
  const raced = await edit(`${process.execPath} ${program} --root ${line.root} --netns ${ns.name} -q net-define ${file} && sed -i s/10.67.0/10.68.0/`)
  assert.match(raced.stderr, /^error: The XML configuration was changed by another user\.\n/)
  assert.match(await line.must('net-dumpxml', 'quick'), /10\.66\.0\.1/)
  assert.equal(await readdir(edited), [])
  await line.must('net-undefine', 'quick')
})

kernelTest(test, 'signals: SIGINT while a network starts undoes all of it; the exit code is 130', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'quick.json')
  await writeFile(file, JSON.stringify({ ...quick, dhcp: true }))
  // A dnsmasq that is never ready, and interrupts who started it: by then bridge and address stand.
  const bin = join(tmp, 'slow')
  await mkdir(bin)
  await writeFile(join(bin, 'dnsmasq'), `#!/bin/sh\nip -n ${ns.name} -br addr show dev br-quick > ${join(tmp, 'stood')}\nkill -INT $PPID\nexec sleep 60\n`)
  await chmod(join(bin, 'dnsmasq'), 0o755)
  const { stdout, stderr, code } = await line.run(['net-create', file], { env: { PATH: `${bin}:${process.env.PATH ?? ''}` } })
  assert.equal([code, stdout], [130, '\n'])
  assert.match(stderr, new RegExp(`^error: Failed to create network from ${file}\\nerror: .*aborted`))
  assert.match(await readFile(join(tmp, 'stood'), 'utf8'), /10\.66\.0\.1\/24/)
  assert.is(await ns.must('ip', ['-br', 'link', 'show', 'type', 'bridge']), '')
  assert.is(await line.must('-q', 'net-list', '--all'), '')
}, { needs: ['nft', 'dnsmasq'] })

kernelTest(test, 'events: are printed as they happen until SIGTERM, which is exit code 143', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'quick.json')
  await writeFile(file, JSON.stringify(quick))
  const watching = ns.spawn(process.execPath, [program, '--root', line.root, '--netns', ns.name, 'events'])
  await watching.until(/^snapshot: no networks$/m)
  await line.must('net-define', file)
  await watching.until(/^event 'lifecycle' for network quick: Defined$/m)
  await line.must('net-start', 'quick')
  await watching.until(/^event 'lifecycle' for network quick: Started$/m)
  await line.must('net-destroy', 'quick')
  await watching.until(/^event 'lifecycle' for network quick: Stopped$/m)
  watching.child.kill('SIGTERM')
  assert.is(await watching.ended(), 143)
  await line.must('net-undefine', 'quick')
}, { needs: ['nft'] })

test.run()
