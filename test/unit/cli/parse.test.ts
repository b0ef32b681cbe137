import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command } from '../../../src/cli/command.js'
import { allCommands, findCommand } from '../../../src/cli/commands.js'
import { placeOf, refuseRemote } from '../../../src/cli/globals.js'
import { commandHelp, generalHelp } from '../../../src/cli/help.js'
import { parseCommand, parseGlobals } from '../../../src/cli/parse.js'

const verb = (...words: string[]): Command => findCommand(words).command
const values = (...words: string[]) => {
  const { command, rest } = findCommand(words)
  return parseCommand(command, rest)
}
const complaint = (...words: string[]): string => {
  try {
    values(...words)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  throw new Error(`${words.join(' ')} was accepted`)
}

test('parse: a network is given by position, as an option, or with =', () => {
  for (const words of [['net-start', 'a'], ['net-start', '--network', 'a'], ['net-start', '--network=a'], ['start', 'a']]) {
    assert.is(values(...words).values.data('network'), 'a')
  }
})

test('parse: positions fill what was not given by name, in declared order', () => {
  const { values: given } = values('net-dhcp-leases', '52:54:00:00:00:01', '--network', 'a')
  assert.is(given.data('network'), 'a')
  assert.is(given.text('mac'), '52:54:00:00:00:01')
})

test('parse: --autostart and --no-autostart are two flags', () => {
  const both = values('net-list', '--no-autostart', '--autostart').values
  assert.ok(both.flag('autostart') && both.flag('no-autostart'))
  const one = values('net-list', '--no-autostart').values
  assert.ok(!one.flag('autostart') && one.flag('no-autostart'))
})

test('parse: what follows -- is data', () => {
  assert.is(values('net-start', '--', '--all').values.data('network'), '--all')
})

test('parse: global options stand before the verb or after it', () => {
  const before = parseGlobals(['-q', '--root', '/x', 'net-list', '--all'])
  assert.equal([...before.given], [['quiet', true], ['root', '/x']])
  assert.equal(before.rest, ['net-list', '--all'])
  assert.equal([...values('net-list', '--all', '--json').given], [['json', true]])
})

test('parse: short options stand together, and take a value glued or apart', () => {
  for (const words of [['-qr', '-c', 'qemu:///system', 'net-list', '-t'], ['-q', '-rcqemu:///system', 'net-list', '-t'], ['-qr', '--connect=qemu:///system', '--', 'net-list', '-t']]) {
    const { given, rest } = parseGlobals(words)
    assert.equal([...given], [['quiet', true], ['readonly', true], ['connect', 'qemu:///system']])
    assert.equal(rest, ['net-list', '-t'])
  }
})

test('parse: an option before the verb that is none is named whole', () => {
  for (const word of ['--foo', '--foo=bar', '-z', '-qz']) assert.throws(() => parseGlobals([word, 'net-list']), `unsupported option '${word}'. See --help.`)
  assert.throws(() => parseGlobals(['--root']), 'expected syntax: --root <string>')
})

// Expected texts: tools/vsh.c of libvirt 9.0.
test('parse: complains in virsh\'s words', () => {
  assert.is(complaint('net-strat'), "unknown command: 'net-strat'")
  assert.is(complaint('net-start'), "command 'net-start' requires <network> option")
  assert.is(complaint('net-start', 'a', 'b'), "unexpected data 'b'")
  assert.is(complaint('net-list', '--foo'), "command 'net-list' doesn't support option --foo")
  assert.is(complaint('net-list', '--all=yes'), "invalid '=' after option --all")
  assert.is(complaint('net-start', '--network'), 'expected syntax: --network <string>')
  assert.is(complaint('net-start', '--network', 'a', '--network', 'b'), 'option --network already seen')
})

test('parse: a verb of two words is found, by brctl\'s name too', () => {
  assert.is((verb('bridge', 'addbr', 'br0')).name, 'bridge add')
  assert.match(complaint('bridge'), /add, del, addif/)
})

test('parse: a choice is one of those declared', () => {
  assert.match(complaint('render', 'x.xml', '--as', 'yaml'), /xml, json, dnsmasq, nft, objects/)
})

test('globals: a netns of digits is a pid; the environment names the root, the option goes first', () => {
  assert.equal(placeOf(new Map([['netns', '12']]), { NETWRIGHT_ROOT: '/a' }), { root: '/a', netns: 12 })
  assert.equal(placeOf(new Map([['netns', 'x'], ['root', '/b']]), { NETWRIGHT_ROOT: '/a' }), { root: '/b', netns: 'x' })
})

test('globals: local URIs mean nothing, remote ones are refused', () => {
  for (const uri of ['qemu:///system', 'qemu:///session', 'network:///system', 'test:///default', 'qemu+unix:///system']) refuseRemote(uri)
  for (const uri of ['qemu+ssh://root@h/system', 'qemu://h/system', 'qemu+tcp://[::1]:16509/system', 'qemu+ssh:///system']) assert.throws(() => { refuseRemote(uri) }, /another host/, uri)
})

test('commands: each is found under its own name and each alias, and none hides another or a global option', () => {
  assert.is(new Set(allCommands.map((command) => command.name)).size, allCommands.length)
  for (const command of allCommands) {
    for (const name of [command.name, ...command.aliases ?? [], ...(command.name.startsWith('net-') ? [command.name.slice(4)] : [])]) {
      assert.is(verb(...name.split(' ')).name, command.name)
    }
    for (const parameter of command.parameters) assert.not(/^(connect|readonly|quiet|timing|json|root|netns|owner|log|help|version)$/.test(parameter.name), `${command.name} --${parameter.name}`)
    assert.not(command.summary.endsWith('.'))
    assert.ok(commandHelp(command).includes(command.summary))
  }
})

test('help: names every verb once, and three examples', () => {
  const text = generalHelp(allCommands)
  for (const command of allCommands) assert.is(text.split('\n').filter((line) => line.startsWith(`  ${command.name} `)).length, 1, command.name)
  assert.is(text.split('Examples:')[1]?.split('\n').filter((line) => line.startsWith('  netwright ')).length, 3)
})

test('help: no line is wider than 80 columns, and nothing of a text is lost by the breaks', () => {
  for (const text of [generalHelp(allCommands), ...allCommands.map(commandHelp)]) {
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line)
  }
  for (const command of allCommands) {
    const flat = commandHelp(command).replace(/\s+/g, ' ')
    for (const words of [command.description, ...command.parameters.map(({ description }) => description)]) assert.ok(flat.includes(words.replace(/\s+/g, ' ')), words)
  }
})

test('help: a verb\'s text has virsh\'s layout', () => {
  assert.is(commandHelp(verb('net-autostart')).split('\n').slice(0, 6).join('\n'), [
    '  NAME', '    net-autostart - autostart a network', '', '  SYNOPSIS', '    net-autostart <network> [--disable]', '',
  ].join('\n'))
})

test.run()
