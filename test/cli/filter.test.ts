/** `netwright peer`, `netwright rule` and `netwright host-policy`: words, both sides of a definition, and what nft says. */
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

kernelTest(test, 'host-policy: is set and listed, live and in the stored definition', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'red.json')
  await writeFile(file, JSON.stringify({ name: 'red', forward: 'nat', subnet: '10.66.0.0/24', bridge: 'br-red' }))
  await line.must('net-define', file)
  await line.must('net-start', 'red')
  const set = async (name: string): Promise<string> => (await ns.must('nft', ['list', 'set', 'inet', 'netwright', name])).replace(/\s+/g, ' ')
  const list = async (): Promise<string> => await line.must('host-policy', 'list', 'red')
  assert.match(await list(), / red +allow +live, config\n/)
  assert.not.match(await set('nohost'), /br-red/)
  assert.is(await line.must('host-policy', 'set', 'red', 'deny', '--icmp', 'tcp/22,80-81', 'esp'), 'Updated network red persistent config and live state\n\n')
  assert.match(await set('nohost'), /"br-red"/)
  for (const port of [22, 80, 81]) assert.match(await set('hostports'), new RegExp(`"br-red" \\. tcp \\. ${String(port)}`))
  for (const protocol of ['icmp', 'ipv6-icmp', 'esp']) assert.match(await set('hostproto'), new RegExp(`"br-red" \\. ${protocol}`))
  assert.match(await list(), / red +deny \+ icmp \+ tcp\/22,80-81 \+ esp +live, config\n/)
  assert.is(await line.must('host-policy', 'set', 'red', 'deny', 'tcp/22', '--live'), 'Updated network red live state\n\n')
  assert.match(await list(), / red +deny \+ tcp\/22 +live\n red +deny \+ icmp \+ tcp\/22,80-81 \+ esp +config\n/)
  assert.not.match(await set('hostports'), /80|81/)
  assert.match(await line.must('net-dumpxml', 'red'), /<netwright:host xmlns:netwright='\S+' access='deny'/)
  assert.is(await line.must('host-policy', 'set', 'red', 'allow'), 'Updated network red persistent config and live state\n\n')
  for (const name of ['nohost', 'hostports', 'hostproto']) assert.not.match(await set(name), /br-red/)
  assert.match(await line.must('--json', 'host-policy', 'list'), /"network":"red","access":"allow","words":"allow","live":true,"config":true/)
  const before = await ns.must('nft', ['list', 'ruleset'])
  for (const [words, text] of [[['permit'], /is one of allow, deny, not 'permit'/], [['allow', 'tcp/22'], /listed with deny only/], [['deny', 'tcp/99999'], /host\.allow\[0\]/], [['deny', 'quic'], /host\.allow\[0\]/]] as const) {
    const { stderr, code } = await line.run(['host-policy', 'set', 'red', ...words])
    assert.is(code, 1, words.join(' '))
    assert.match(stderr, text)
  }
  assert.is(await ns.must('nft', ['list', 'ruleset']), before)
  await line.must('net-destroy', 'red')
  await line.must('net-undefine', 'red')
}, { needs: ['nft'] })

test.run()
