/** plan, apply and delete on the command line: files of every form, words, streams, exit codes. */
import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exec } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'
import { commandLine, program } from './command-line.js'

const yaml = `# a lab
networks:
  - name: red
    bridge: br-red
    subnet: 10.66.0.0/24
    autostart: true
    ports:
      - {kind: tap, dev: red0}
---
name: blue
bridge: br-blue
persistent: false
`

kernelTest(test, 'apply: YAML is planned, applied, found unchanged, pruned and deleted', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'lab.yaml')
  await writeFile(file, yaml)
  const list = `+ define network red (it is not there)
~ mark network red for autostart (autostart is true)
+ start network red (it is not there)
+ start network blue (it is not there)
+ attach tap red0 to network red (it is not there)
`
  assert.equal(await line.run(['plan', file]), { stdout: `${list}\nPlan: 3 to add, 0 to change, 0 to remove\n\n`, stderr: '', code: 0 })
  assert.is((await line.run(['plan', file, '--detailed-exitcode'])).code, 2)
  assert.is(await ns.must('ip', ['-br', 'link', 'show', 'type', 'bridge']), '')
  assert.is(await line.must('apply', file), `${list}\nApplied: 3 added, 0 changed, 0 removed\n\n`)
  assert.match(await ns.must('ip', ['-br', 'link', 'show', 'master', 'br-red']), /^red0 /)
  assert.is(await line.must('apply', file), 'No changes: everything is as it should be\n\n')
  assert.is((await line.run(['plan', file, '--detailed-exitcode'])).code, 0)
  assert.is(await line.must('-q', 'plan', file), '')

  await writeFile(file, yaml.replace('10.66.0.0/24', '10.66.0.0/24\n    mtu: 1400').replace(/ {4}ports:[\s\S]*/, ''))
  assert.is(await line.must('plan', file), `~ redefine network red (it differs in mtu)
~ change network red while it runs (it differs in mtu): blip
    mtu: 1500 becomes 1400 (larger packets are lost until guests learn of it with their next lease): blip

Plan: 0 to add, 1 to change, 0 to remove

`)
  const pruned = await line.must('apply', file, '--prune')
  const path = await realpath(file)
  assert.match(pruned, `- detach tap red0 from network red (${path} does not name it any more): outage\n`)
  assert.match(pruned, `- stop network blue (${path} does not name it any more): outage\n\nApplied: 0 added, 1 changed, 2 removed\n`)
  assert.match(await line.must('delete', file), /^- stop network red \(it is to be deleted\): outage\n~ unmark network red for autostart \(it is to be deleted\)\n- undefine network red \(it is to be deleted\)\n\nDeleted: 0 added, 0 changed, 1 removed\n/)
  assert.is(await line.must('delete', file), 'No changes: everything is as it should be\n\n')
}, { needs: ['dnsmasq', 'nft', 'tun'] })

kernelTest(test, 'apply: a directory, standard input and XML; --json prints a change a line', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const lab = join(tmp, 'lab')
  await mkdir(join(lab, 'below'), { recursive: true })
  await writeFile(join(lab, 'b.xml'), '<?xml version="1.0"?>\n<network><name>b1</name><bridge name="br-b1"/></network>\n<?xml version="1.0"?>\n<network><name>b2</name><bridge name="br-b2"/></network>\n')
  await writeFile(join(lab, 'a.json'), '{"name":"a","bridge":"br-a"}')
  await writeFile(join(lab, 'c.yml'), '- {name: c1, bridge: br-c1}\n- {name: c2, bridge: br-c2, active: false}\n')
  await writeFile(join(lab, 'below/d.json'), '{"name":"d"}')
  await writeFile(join(lab, 'notes.txt'), 'not a network')
  const { stdout, code } = await line.run(['apply', lab, '--json'])
  assert.is(code, 0)
  const lines = stdout.trim().split('\n').map((text) => JSON.parse(text) as Record<string, unknown>)
  assert.equal(lines.filter(({ kind }) => kind === 'running').map(({ network }) => network), ['a', 'b1', 'b2', 'c1'])
  assert.equal(lines.at(-1), { applied: { add: 5, change: 0, remove: 0, owner: 'system', source: await realpath(lab) } })
  const xml = '<networks><network><name>b1</name><bridge name="br-b1"/></network></networks>'
  assert.match((await line.run(['plan', '-'], { input: xml })).stdout, /^No changes/)
  const refused = await line.run(['apply', '-', '--prune'], { input: xml })
  assert.equal([refused.code, refused.stderr], [1, 'error: --prune needs --source <name> where standard input is read: what was made from the same source is removed\n'])
  assert.match((await line.run(['apply', '-', '--source', 'ci'], { input: 'name: s\nbridge: br-s\n' })).stdout, /\+ start network s /)
  assert.match((await line.run(['apply', '-', '--source', 'ci', '--prune'], { input: '[]' })).stdout, /- stop network s \(ci does not name it any more\): outage\n- undefine network s/)
  await line.must('delete', lab)
  assert.is(await ns.must('ip', ['-br', 'link', 'show', 'type', 'bridge']), '')
}, { needs: ['nft'] })

kernelTest(test, 'apply: what is wrong is said all at once, each with file, line and column, and nothing is done', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const lab = join(tmp, 'lab')
  await mkdir(lab)
  await writeFile(join(lab, 'a.yaml'), 'networks:\n  - name: a\n    forwrd: nat\n    autostart: yes\n  - &b\n    name: b\n    subnet: 10.0.0.0/33\n---\nprots: 1\nnetworks: []\n')
  await writeFile(join(lab, 'b.yaml'), 'a: [1\nb: 2\n')
  await writeFile(join(lab, 'c.xml'), '<network><name>c</name>')
  const { stdout, stderr, code } = await line.run(['apply', lab])
  assert.equal([stdout, code], ['\n', 1])
  assert.equal(stderr.split('\n').map((text) => text.replaceAll(lab, 'LAB')), [
    'error: Failed to apply LAB',
    'error: LAB/b.yaml: line 2, column 1: not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    'error: LAB/c.xml: line 1, column 23: unclosed tag: network',
    'error: LAB/a.yaml: line 4, column 16: expected true or false, not \'yes\'', 'error: LAB/a.yaml: line 3, column 13: unknown key \'forwrd\'',
    'error: LAB/a.yaml: line 7, column 13: prefix length 33 of 10.0.0.0 is not between 0 and 32', 'error: LAB/a.yaml: line 9, column 8: unknown key \'prots\'', '',
  ])
  const fails = async (words: readonly string[], text: RegExp): Promise<void> => {
    const outcome = await line.run(words)
    assert.is(outcome.code, 1)
    assert.match(outcome.stderr, text)
  }
  await fails(['plan', join(tmp, 'none.yaml')], /^error: Failed to open file '.*none\.yaml': No such file or directory\n$/)
  await fails(['plan', tmp], /^error: no \*\.json, \*\.yaml, \*\.yml or \*\.xml in directory/)
  await fails(['--readonly', 'apply', lab], /^error: operation forbidden: read only access prevents/)
  await fails(['plan'], /^error: command 'plan' requires <file> option/)
  const bomb = join(tmp, 'bomb.yaml')
  await writeFile(bomb, `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.split('').map((name, i) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefgh'[i] ?? 'a'}`).join(',')}]`).join('\n')}\nname: *h\n`)
  await fails(['plan', bomb], /not YAML: Excessive alias count/)
  assert.is(await line.must('-q', 'net-list', '--all'), '')
}, { needs: ['nft'] })

kernelTest(test, 'apply: a file that was not written, or is cut off where reading ends, removes nothing', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = join(tmp, 'lab.yaml')
  await writeFile(file, '- {name: red, bridge: br-red}\n- {name: blue, bridge: br-blue}\n')
  await line.must('apply', file)
  for (const [text, words] of [['', /names neither networks nor ports\nremedy: where none are meant, say so: networks: \[\]/], ['# soon\n---\n', /names neither/], [`- {name: red, bridge: br-red}\n${'# long\n'.repeat(400_000)}- {name: blue, bridge: br-blue}\n`, /lab\.yaml: line 1, column 1: not read: larger than 1 MiB/]] as const) {
    await writeFile(file, text)
    for (const verb of ['plan', 'apply']) {
      const { code, stderr } = await line.run([verb, file, '--prune'])
      assert.is(code, 1)
      assert.match(stderr, words)
    }
  }
  assert.is((await line.run(['delete', '-'], { input: '' })).code, 1)
  assert.match(await line.must('net-list'), /blue[^]*red/)
  await writeFile(file, 'networks: []\n')
  assert.match(await line.must('apply', file, '--prune'), /Applied: 0 added, 0 changed, 2 removed/)
}, { needs: ['nft'] })

kernelTest(test, 'apply: the lab among the examples is made, found unchanged and deleted', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const file = fileURLToPath(new URL('../../../examples/lab.yaml', import.meta.url))
  assert.match(await line.must('apply', file), /Applied: 6 added, 0 changed, 0 removed/)
  assert.match(await ns.must('ip', ['-br', 'link', 'show', 'master', 'br-lab-back']), /^lab-db-back /)
  assert.match(await line.must('net-dhcp-leases', 'lab_front'), /Expiry/)
  assert.match(await line.must('apply', file, '--prune'), /^No changes/)
  assert.match(await line.must('delete', file), /Deleted: 0 added, 0 changed, 6 removed/)
}, { needs: ['dnsmasq', 'nft', 'tun'] })

kernelTest(test, 'apply: a terminal shows a bar, which is gone in the end', async ({ ns, tmp }) => {
  const file = join(tmp, 'lab.yaml')
  await writeFile(file, yaml)
  const words = [process.execPath, program, '--root', join(tmp, 'root'), '--netns', ns.name, 'apply', file].join(' ')
  const { stdout, code } = await exec('script', ['-qec', words, '/dev/null'])
  assert.is(code, 0)
  assert.match(stdout, /\d\/\d+ (?:define|mark|start) network red/, 'the bar is drawn ten times a second at most')
  assert.match(stdout.slice(stdout.lastIndexOf('\u001b[2K')), /\+ define network red/, 'what is printed comes after the bar is cleared')
  assert.match((await exec('script', ['-qec', words.replace(' apply ', ' delete '), '/dev/null'])).stdout, /Deleted: 0 added/)
}, { needs: ['nft', 'tun'] })

test.run()
