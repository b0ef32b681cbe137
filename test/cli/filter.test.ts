/** `netwright peer` and `netwright rule`: words, both sides of a definition, and what nft says. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kernelTest } from '../harness/kernel-test.js'
import { commandLine } from './command-line.js'

kernelTest(test, 'peer and rule: are added, listed and removed, live and in the stored definition', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  for (const [i, name] of ['red', 'blue'].entries()) {
    const file = join(tmp, `${name}.json`)
    await writeFile(file, JSON.stringify({ name, forward: 'nat', subnet: `10.66.${String(i)}.0/24`, bridge: `br-${name}` }))
    await line.must('net-define', file)
    await line.must('net-start', name)
  }
  const nft = async (): Promise<string> => (await ns.exec('nft', ['list', 'table', 'inet', 'netwright'])).stdout
  const updated = 'Updated network red persistent config and live state\n\n'
  assert.is(await line.must('peer', 'add', 'red', 'blue', '--one-way'), updated)
  assert.match(await nft(), /set peers \{\s+type ifname \. ifname\s+elements = \{ "br-red" \. "br-blue" \}/)
  assert.is(await line.must('peer', 'add', 'red', 'green', '--config'), 'Updated network red persistent config\n\n')
  assert.is(await line.must('peer', 'list', 'red'), [
    ' Network   Way   Peer    Peer is   Said by   State', '-'.repeat(59), ' red       ->    blue    active    red       live, config', ' red       <->   green   missing   red       config', '', '',
  ].join('\n'))
  assert.match(await line.must('peer', 'list', 'blue'), /blue +<- +red +active +red +live, config/)
  assert.is(await line.must('rule', 'add', 'red', 'allow', 'in', 'tcp/22', 'from', '10.0.0.0/8', '--comment', 'the admins'), updated)
  assert.is(await line.must('rule', 'add', 'red', 'deny out tcp/25 log', '--at', '1', '--live'), 'Updated network red live state\n\n')
  assert.match(await nft(), /ip saddr 10\.0\.0\.0\/8 tcp dport 22 counter packets 0 bytes 0 accept comment "the admins"/)
  assert.match(await line.must('rule', 'list', 'red'), / red +1 +deny out tcp\/25 log +0 +0 +live\n red +2 +allow in tcp\/22 from 10\.0\.0\.0\/8 \(the admins\) +0 +0 +live, config\n/)
  assert.match(await line.must('--json', 'rule', 'list'), /"network":"red","action":"deny","direction":"out","protocol":"tcp"/)
  assert.is(await line.must('rule', 'del', 'red', '1', '--live'), 'Updated network red live state\n\n')
  assert.not.match(await nft(), /dport 25/)
  assert.is(await line.must('rule', 'del', 'red', 'allow', 'in', 'tcp/22', 'from', '10.0.0.0/8'), updated)
  assert.not.match(await nft(), /chain in-br-red/)
  assert.is(await line.must('peer', 'del', 'red', 'blue'), updated)
  assert.not.match(await nft(), /"br-red" \. "br-blue"/)
  const fails = async (words: string[], text: RegExp): Promise<void> => {
    const { stdout, stderr, code } = await line.run(words)
    assert.equal([code, stdout], [1, '\n'], words.join(' '))
    assert.match(stderr, text)
  }
  await fails(['peer', 'add', 'red', 'red'], /error: peers\[\d\]\.network: network 'red' is no peer of itself/)
  await fails(['peer', 'del', 'red', 'blue'], /error: network red does not name blue as its peer/)
  await fails(['rule', 'add', 'red', 'permit', 'in'], /error: 'permit in' is not a rule: allow\|deny\|drop in\|out/)
  await fails(['rule', 'add', 'red', 'allow in icmp/5'], /error: rules\[0\]\.ports: icmp has no ports/)
  await fails(['rule', 'del', 'red', '7'], /error: network red has no rule 7/)
  for (const name of ['red', 'blue']) { await line.must('net-destroy', name); await line.must('net-undefine', name) }
}, { needs: ['nft'] })

test.run()
