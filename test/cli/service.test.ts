/** The boot service: what it runs, what it writes, and what systemd thinks of that. */
import { mkdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exec, must } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'
import { commandLine, program } from './command-line.js'
import { unitText } from '../../src/cli/service/unit.js'

kernelTest(test, 'autostart-all: all that can come up do, what cannot is named; --once keeps down what was stopped since, and tries again what failed', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    await writeFile(join(tmp, `${name}.json`), JSON.stringify({ name, forward: 'nat', subnet: `10.66.${String(index)}.0/24`, bridge: `br-${name}` }))
    await line.must('net-define', join(tmp, `${name}.json`))
    await line.must('net-autostart', name)
  }
  await ns.must('ip', ['link', 'add', 'br-b', 'type', 'bridge']) // somebody else's
  const first = await line.run(['autostart-all', '--once'])
  assert.equal([first.code, first.stdout], [1, 'Network a started\nNetwork c started\n\n'])
  assert.match(first.stderr, /^error: Failed to start network b\nerror: .*br-b/)
  await line.must('net-destroy', 'a')
  await ns.must('ip', ['link', 'del', 'br-b'])
  assert.is(await line.must('autostart-all', '--once'), 'Network a started\nNetwork b started\n\n')
  await line.must('net-destroy', 'a')
  assert.is(await line.must('autostart-all', '--once'), '\n')
  assert.is(await line.must('autostart-all'), 'Network a started\n\n')
  for (const name of ['a', 'b', 'c']) await line.must('net-destroy', name)
}, { needs: ['nft'] })

/** The service verbs work on the system's own namespace: `--root` alone, no `--netns`. */
const service = (root: string, ...words: string[]) => exec(process.execPath, [program, '--root', root, ...words])

kernelTest(test, 'service: install writes unit, link and default network below --root, twice the same; status tells; remove takes unit and link away', async ({ tmp }) => {
  const before = await service(tmp, 'service', 'status')
  assert.equal([before.code, before.stderr], [1, ''])
  assert.match(before.stdout, /^Installed: +no\nEnabled: +no\n/m)
  const { stdout, stderr, code } = await service(tmp, 'service', 'install')
  const unit = join(tmp, 'etc/systemd/system/netwright.service')
  assert.equal([code, stderr, stdout], [0, '', `Network default defined\nService netwright.service written to ${unit}\nService netwright.service enabled: it runs at the next boot\n\n`])
  const link = join(tmp, 'etc/systemd/system/multi-user.target.wants/netwright.service')
  assert.is(await readlink(link), '/etc/systemd/system/netwright.service', 'as systemctl --root enable makes it')
  const text = await readFile(unit, 'utf8')
  assert.ok(text.includes(`ExecStart=${process.execPath} ${program} autostart-all --once\n`), text)
  const xml = await must(process.execPath, [program, '--root', tmp, 'net-dumpxml', 'default'])
  for (const part of ["<forward mode='nat'/>", "<bridge name='virbr0'", "<ip address='192.168.122.1' netmask='255.255.255.0'>", "<range start='192.168.122.2' end='192.168.122.254'/>"]) assert.ok(xml.includes(part), xml)
  assert.match((await service(tmp, 'net-list', '--all')).stdout, / default {3}inactive {3}no {10}yes/)
  assert.match((await service(tmp, 'service', 'install')).stdout, /^Service netwright\.service is up to date in .*\nService netwright\.service was enabled already\n/)
  assert.is((await service(tmp, 'service', 'status')).code, 0)
  assert.is((await service(tmp, 'service', 'remove')).stdout, 'Service netwright.service removed\n\n')
  assert.is((await service(tmp, 'service', 'remove')).stdout, 'Service netwright.service was not installed\n\n')
  assert.is((await exec('find', [join(tmp, 'etc/systemd'), '!', '-type', 'd'])).stdout, '')
  assert.match((await service(tmp, 'net-list', '--all')).stdout, / default /)
})

kernelTest(test, 'service: the default network gets another bridge where a network has virbr0', async ({ tmp }) => {
  await writeFile(join(tmp, 'lab.json'), JSON.stringify({ name: 'lab', forward: 'nat', subnet: '10.66.0.0/24' }))
  assert.is((await service(tmp, 'net-define', join(tmp, 'lab.json'))).code, 0)
  const { stdout, stderr, code } = await service(tmp, 'service', 'install')
  assert.equal([code, stderr], [0, ''])
  assert.match(stdout, /^Network default defined\n/)
  assert.match((await service(tmp, 'net-dumpxml', 'default')).stdout, /<bridge name='virbr1'/)
})

kernelTest(test, 'service: what somebody else put there is left alone, and then nothing is changed', async ({ tmp }) => {
  const directory = join(tmp, 'etc/systemd/system')
  await mkdir(join(directory, 'multi-user.target.wants'), { recursive: true })
  await writeFile(join(directory, 'netwright.service'), '[Unit]\n')
  for (const verb of ['install', 'remove']) {
    const { stderr, code } = await service(tmp, 'service', verb)
    assert.is(code, 1)
    assert.match(stderr, /was not written by netwright/)
  }
  assert.is(await readFile(join(directory, 'netwright.service'), 'utf8'), '[Unit]\n')
  await rm(join(directory, 'netwright.service'))
  await symlink('/elsewhere', join(directory, 'multi-user.target.wants/netwright.service'))
  const { stderr, code } = await service(tmp, 'service', 'install')
  assert.equal([code, /is not a link to/.test(stderr)], [1, true])
  assert.is((await exec('ls', [directory])).stdout, 'multi-user.target.wants\n')
  assert.is((await service(tmp, '-q', 'net-list', '--all')).stdout, '', 'no default network either')
  const inside = await service(tmp, '--netns', 'x', 'service', 'install')
  assert.equal([inside.code, /--netns makes no sense/.test(inside.stderr)], [1, true])
})

kernelTest(test, 'service: systemd finds no fault with the unit, whatever the paths', async ({ tmp }) => {
  await writeFile(join(tmp, 'a $5 100%'), '#!/bin/sh\n', { mode: 0o755 })
  const fresh = (await exec('test', ['-e', '/run/systemd'])).code !== 0
  for (const [name, text] of Object.entries({ plain: unitText({ program: [process.execPath, program] }), odd: unitText({ program: [join(tmp, 'a $5 100%'), 'x "y" $z \\ 5%'], owner: 'rig' }) })) {
    const unit = join(tmp, `${name}.service`)
    await writeFile(unit, text)
    const { stdout, stderr, code } = await exec('systemd-analyze', ['verify', '--man=no', unit], { env: { SYSTEMD_UNIT_PATH: `${tmp}:/usr/lib/systemd/system:/lib/systemd/system` } })
    assert.equal([code, stdout, stderr], [0, '', ''], name)
  }
  if (fresh) await rm('/run/systemd', { recursive: true }) // systemd-analyze makes it, in the /run of this test
}, { needs: ['systemd-analyze'] })

kernelTest(test, 'service: the capabilities of the unit are enough for networks with DHCP to come up', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  await writeFile(join(tmp, 'n.json'), JSON.stringify({ name: 'n', forward: 'nat', subnet: '10.66.0.0/24', bridge: 'br-n', dhcp: true }))
  await line.must('net-define', join(tmp, 'n.json'))
  await line.must('net-autostart', 'n')
  const bounding = /^CapabilityBoundingSet=(.*)$/m.exec(unitText({ program: [] }))?.[1]?.split(' ') ?? []
  const set = `-all,${bounding.map((name) => `+${name.replace('CAP_', '').toLowerCase()}`).join(',')}`
  const { stdout, stderr, code } = await line.shell(`exec setpriv --no-new-privs --bounding-set ${set} --inh-caps ${set} netwright autostart-all --once`)
  assert.equal([code, stderr, stdout], [0, '', 'Network n started\n\n'])
  assert.match(await line.must('net-list'), /n {6}active/)
  await line.must('net-destroy', 'n')
}, { needs: ['nft', 'dnsmasq'] })

test.run()
