/** `netwright forward`: words, both sides of a definition, and what nft says. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kernelTest } from '../harness/kernel-test.js'
import { commandLine } from './command-line.js'

kernelTest(test, 'forward: is added, listed and removed, live and in the stored definition, in net-update\'s words', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'red.json')
  await writeFile(file, JSON.stringify({ name: 'red', forward: 'nat', subnet: '10.66.0.0/24', bridge: 'br-red' }))
  await line.must('net-define', file)
  const map = async (): Promise<string> => (await ns.exec('nft', ['list', 'map', 'inet', 'netwright', 'dnatall4'])).stdout
  assert.is(await line.must('forward', 'add', 'red', '8080/tcp', '10.66.0.10:80'), 'Updated network red persistent config\n\n')
  await line.must('net-start', 'red')
  assert.match(await map(), /tcp \. 8080 : 10\.66\.0\.10 \. 80/)
  assert.is(await line.must('forward', 'add', 'red', '5000-5001/udp', '10.66.0.10:6000', '--networks'), 'Updated network red persistent config and live state\n\n')
  assert.is(await line.must('forward', 'add', 'red', '--live', 'auto/tcp', 'vm1:22'), '49152/tcp\nUpdated network red live state\n\n')
  assert.is(await line.must('forward', 'list', 'red'), [
    ' Network   Host            Guest             For         State', '-'.repeat(71),
    ' red       8080/tcp        10.66.0.10:80     outside     live, config', ' red       5000-5001/udp   10.66.0.10:6000   everybody   live, config', ' red       49152/tcp       vm1:22            outside     live', '', '',
  ].join('\n'))
  assert.match(await line.must('net-dumpxml', 'red'), /<netwright:forward proto='udp' port='5000' end='5001' guest='10\.66\.0\.10' guestPort='6000' networks='yes'\/>/)
  assert.is(await line.must('forward', 'del', 'red', '8080/tcp', '10.66.0.10:80', '--config'), 'Updated network red persistent config\n\n')
  assert.match(await map(), /8080/)
  assert.is(await line.must('forward', 'del', 'red', '8080/tcp'), 'Updated network red persistent config and live state\n\n')
  assert.not.match(await map(), /8080/)
  const fails = async (words: string[], text: RegExp): Promise<void> => {
    const { stdout, stderr, code } = await line.run(words)
    assert.equal([code, stdout], [1, '\n'], words.join(' '))
    assert.match(stderr, text)
  }
  await fails(['forward', 'add', 'red', '5001/udp', '10.66.0.11:80'], /^error: Failed to update network red\nerror: forwards\[\d\]: ports 5001 are those of forwards\[0\] too\n/)
  await fails(['forward', 'add', 'red', '5001', '10.66.0.11:80'], /^error: '5001' is not a port of the host/)
  await fails(['forward', 'del', 'red', '9/tcp'], /^error: Failed to update network red\nerror: network red does not forward 9\/tcp\n/)
  await fails(['forward', 'add', 'red', '9/tcp', '10.67.0.1:80'], /error: forwards\[\d\]\.guest: guest 10\.67\.0\.1 is not within 10\.66\.0\.0\/24 of network 'red'/)
  await line.must('net-destroy', 'red')
  await fails(['forward', 'add', 'red', '9/tcp', '10.66.0.1', '--live'], /error: Requested operation is not valid: network is not running/)
  assert.match(await line.must('--json', 'forward', 'list'), /"network":"red","proto":"udp","port":5000/)
  assert.equal(JSON.parse(await line.must('--json', 'forward', 'add', 'red', '127.0.0.1:auto/tcp', '10.66.0.10:80')), { proto: 'tcp', address: '127.0.0.1', port: 49152, guest: '10.66.0.10', guestPort: 80, to: '10.66.0.10', live: false, config: true })
  assert.match(await line.must('forward', 'list', 'red'), / red +127\.0\.0\.1:49152\/tcp +10\.66\.0\.10:80 +this host +config\n/)
  await line.must('net-undefine', 'red')
}, { needs: ['nft'] })

test.run()
