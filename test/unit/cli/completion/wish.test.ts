import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { allCommands } from '../../../../src/cli/commands.js'
import { wish } from '../../../../src/cli/completion/wish.js'
import { scripts } from '../../../../src/cli/completion/scripts.js'

const texts = (...words: string[]): string[] => wish(words.slice(0, -1), words.at(-1) ?? '').candidates.map(({ text }) => text)
const named = (...words: string[]): string | undefined => wish(words.slice(0, -1), words.at(-1) ?? '').named

test('wish: verbs, by their first word and by their second', () => {
  assert.equal(texts('net-st'), ['net-start'])
  assert.equal(texts('brid'), ['bridge'])
  assert.ok(texts('bridge', '').includes('addif') && !texts('bridge', '').includes('addbr'))
  assert.equal(texts('bridge', 'addb'), ['addbr'])
  assert.equal(texts('start'), ['start'], 'without net- where nothing else begins so')
  for (const command of allCommands) assert.ok(texts(...command.name.split(' ')).includes(command.name.split(' ').at(-1) ?? ''), command.name)
})

test('wish: what a parameter names, in each way of giving it', () => {
  assert.is(named('net-start', ''), 'inactive network')
  assert.is(named('start', ''), 'inactive network')
  assert.is(named('-q', '--root', '/x', 'net-destroy', ''), 'active network')
  assert.is(named('net-info', '--network', ''), 'network')
  assert.equal([named('net-info', '--network=a'), wish(['net-info'], '--network=a').before], ['network', '--network='])
  assert.is(named('net-define', ''), 'file')
  assert.is(named('net-define', 'x.xml', ''), undefined, 'the second word is none')
  assert.is(named('--root', ''), 'directory')
  assert.is(named('bridge', 'addif', 'br0', ''), 'link')
  assert.is(named('net-info', '--', '--network=a'), 'network', 'after -- it is data')
})

test('wish: options that were not given yet; the global ones where a dash was typed', () => {
  assert.ok(!texts('net-list', '').includes('--json') && texts('net-list', '').includes('--all'))
  assert.ok(!texts('net-list', '--all', '').includes('--all'))
  assert.ok(texts('net-list', '--').includes('--json') && texts('-').includes('--root'))
  assert.equal(texts('--json', '--js'), [])
})

test('wish: choices, also behind =', () => {
  assert.equal(texts('render', 'x', '--as', 'd'), ['dnsmasq'])
  assert.equal(texts('render', 'x', '--as=j'), ['json'])
  assert.equal(texts('--log', 'w'), ['warn'])
})

test('wish: the global options of the line are known, whichever way they stand there', () => {
  for (const words of [['--root', '/x'], ['--root=/x'], ['-q', '--root=/x'], ['net-list', '--root', '/x']]) assert.is(wish(words, '').given.get('root'), '/x', words.join(' '))
  assert.is(wish(['-rcqemu:///system'], '').given.get('connect'), 'qemu:///system')
  assert.is(wish(['-rc', 'qemu:///system'], '').given.get('connect'), 'qemu:///system')
})

test('wish: help continues with verbs', () => {
  assert.equal(texts('help', 'net-st'), ['net-start'])
  assert.ok(texts('help', 'bridge', '').includes('stp'))
})

test('wish: words that make no sense have no continuation', () => {
  assert.equal([texts('net-strat', ''), texts('net-list', '--bogus=', ''), texts('bridge', 'bogus', '')].flat().filter((text) => !text.startsWith('--')), [])
  assert.equal(texts('net-list', '--bogus=x'), [])
})

test('scripts: hold no verb, so that none goes out of date', () => {
  for (const [shell, text] of Object.entries(scripts)) {
    assert.match(text, `-q completion ${shell} -- `)
    for (const { name } of allCommands.filter(({ name }) => name !== 'completion')) assert.not.match(text, new RegExp(`\\b${name}\\b`), name)
  }
})

test.run()
