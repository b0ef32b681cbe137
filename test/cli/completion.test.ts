/** The scripts for bash, zsh and fish, loaded by those shells: keys are typed on a terminal, and the networks that are there are offered. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exec } from '../harness/command.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { terminal } from '../harness/terminal.js'
import { commandLine } from './command-line.js'

interface Bed { readonly env: Readonly<Record<string, string>>, readonly cwd: string }

/** `netwright` on the PATH, with networks of difficult names, and a home of its own. */
async function bed ({ ns, tmp }: KernelTest): Promise<Bed> {
  const line = await commandLine({ ns, tmp })
  const names = ['alpha', "bob's net", 'stra:nge']
  await Promise.all(names.map((name, index) => writeFile(join(tmp, `${String(index)}.json`), JSON.stringify({ name, forward: 'nat', subnet: `10.66.${String(index)}.0/24` }))))
  const { code, stderr } = await line.run(['-'], { input: names.map((_, index) => `net-define ${join(tmp, `${String(index)}.json`)}\n`).join('') })
  assert.equal([code, stderr], [0, ''])
  await writeFile(join(tmp, 'plan of mine.yaml'), '')
  return { cwd: tmp, env: { HOME: tmp, XDG_CONFIG_HOME: tmp, XDG_DATA_HOME: tmp, XDG_CACHE_HOME: tmp, ZDOTDIR: tmp, INPUTRC: '/dev/null', PATH: `${join(tmp, 'bin')}:${process.env.PATH ?? ''}` } }
}

/** Keys that end in TAB, and the words that the shell then has. */
type Case = readonly [keys: string, words: readonly string[]]

const cases: readonly Case[] = [
  ['netwright net-sta\t', ['netwright', 'net-start']],
  ['netwright net-start a\t', ['netwright', 'net-start', 'alpha']],
  ['netwright net-info --network=al\t', ['netwright', 'net-info', '--network=alpha']],
  ['netwright bridge ad\t', ['netwright', 'bridge', 'add']],
  ['netwright plan plan\t', ['netwright', 'plan', 'plan of mine.yaml']],
  ['netwright net-start bo\t', ['netwright', 'net-start', "bob's net"]],
  ['netwright net-start st\t', ['netwright', 'net-start', 'stra:nge']],
]

/** Types each line at the shell's own line editor, puts `words` in front of it (Ctrl-A) and presses Enter: a function of the shell says which words there are. */
async function typeAll (shell: string, prepare: string, { env, cwd }: Bed, more: readonly Case[] = []): Promise<void> {
  const tty = terminal(shell, { env, cwd })
  try {
    await tty.until(/ready> /)
    tty.type(`${prepare}; words () { printf '[%s]' "$@"; echo; }; echo pre''pared\r`)
    await tty.until(/prepared[^]*ready> /)
    for (const [keys, words] of [...cases, ...more]) {
      tty.clear()
      tty.type(`${keys}\x01words \r`)
      await tty.until(/\[netwright\][^]*ready> /)
      assert.is(/(\[netwright\].*\])\r?\n/.exec(tty.output())?.[1], words.map((word) => `[${word}]`).join(''), keys)
    }
    tty.type('exit\r')
    await tty.ended()
  } finally { await tty.stop() }
}

kernelTest(test, 'completion: bash, on a terminal', async (context) => {
  await typeAll("PS1='ready> ' bash --norc --noprofile -i", 'source <(netwright completion bash)', await bed(context), [
    ['netwright net-start "bob\t', ['netwright', 'net-start', "bob's net"]],
    ['netwright net-start stra:n\t', ['netwright', 'net-start', 'stra:nge']],
  ])
}, { needs: ['nft'] })

kernelTest(test, 'completion: zsh, on a terminal', async (context) => {
  const place = await bed(context)
  await typeAll("PS1='ready> ' zsh -f -i", `autoload -U compinit; compinit -u -d ${place.cwd}/dump; source <(netwright completion zsh)`, place)
}, { needs: ['nft', 'zsh'] })

kernelTest(test, 'completion: fish says what may follow, with descriptions', async (context) => {
  const { env, cwd } = await bed(context)
  const follow = async (line: string): Promise<string[]> => {
    const { stdout, stderr, code } = await exec('fish', ['--no-config', '-c', 'netwright completion fish | source; complete -C $argv[1]', line], { env, cwd })
    assert.equal([code, stderr], [0, ''], line)
    return stdout.trimEnd().split('\n')
  }
  assert.equal(await follow('netwright net-sta'), ['net-start\tstart a (previously defined) inactive network'])
  assert.equal(await follow('netwright net-start '), ['alpha\tnat network, inactive', "bob's net\tnat network, inactive", 'stra:nge\tnat network, inactive'])
  assert.equal(await follow("netwright net-start 'bob"), ["bob's net\tnat network, inactive"])
  assert.equal(await follow('netwright net-info --network=al'), ['--network=alpha\tnat network, inactive'])
  assert.equal(await follow('netwright plan plan'), ['plan of mine.yaml'])
  assert.ok((await follow('netwright bridge ')).includes('addif\tmake a link a port of a bridge'))
}, { needs: ['nft', 'fish'] })

kernelTest(test, 'completion: net-start offers what is inactive, net-destroy what is active, and options on the line count', async (context) => {
  const line = await commandLine(context)
  await writeFile(join(context.tmp, 'a.json'), '{"name": "a", "forward": "nat", "subnet": "10.66.0.0/24"}')
  await writeFile(join(context.tmp, 'b.json'), '{"name": "b", "forward": "nat", "subnet": "10.67.0.0/24"}')
  await line.must('net-create', join(context.tmp, 'a.json'))
  await line.must('net-define', join(context.tmp, 'b.json'))
  const offers = async (words: string): Promise<string> => await line.must('-q', 'completion', 'bash', '--', `netwright ${words}`)
  assert.is(await offers('net-start '), 'b\n')
  assert.is(await offers('net-destroy '), 'a\n')
  assert.is(await offers('net-undefine '), 'b\n')
  assert.is(await offers('--owner other net-start '), '')
  assert.is(await offers('--root /nowhere/at/all net-start '), '')
  await line.must('net-destroy', 'a')
}, { needs: ['nft'] })

kernelTest(test, 'completion: guests, their interfaces and forwarded ports are offered by name', async (context) => {
  const line = await commandLine(context)
  await writeFile(join(context.tmp, 'a.json'), '{"name": "a", "forward": "nat", "subnet": "10.66.0.0/24", "dns": { "enable": false }}')
  await line.must('net-create', join(context.tmp, 'a.json'))
  await line.must('attach-interface', 'vm1', 'network', 'a', '--target', 'nwone')
  await line.must('attach-interface', 'vm2', 'network', 'a', '--target', 'nwtwo')
  await line.must('attach-interface', 'kept of mine', 'network', 'a', '--config')
  await line.must('forward', 'add', 'a', '8080/tcp', '10.66.0.10:80')
  await line.must('forward', 'add', 'a', '127.0.0.1:8000-8010/udp', '10.66.0.10:80')
  const offers = async (words: string, shell = 'bash'): Promise<string> => await line.must('-q', 'completion', shell, '--', ...shell === 'bash' ? [`netwright ${words}`] : words.split(' '))
  assert.is(await offers('domiflist '), "kept\\ of\\ mine\nvm1\nvm2\n")
  assert.is(await offers('attach-interface --domain=k'), 'kept\\ of\\ mine\n')
  assert.is(await offers('domifstat vm1 '), 'nwone\n')
  assert.is(await offers('domif-setlink --domain vm2 '), 'nwtwo\n')
  assert.is(await offers('domifstat --interface nw'), 'nwone\nnwtwo\n')
  assert.match(await offers('domifstat vm2 ', 'fish'), /^nwtwo\t52:54:00:[0-9a-f:]+, network a\n$/)
  assert.is(await offers('forward del a 8'), '8080/tcp\n')
  assert.is(await offers('forward del a ', 'zsh'), '8080/tcp\tto 10.66.0.10:80\n127.0.0.1:8000-8010/udp\tto 10.66.0.10:80\n')
  assert.is(await offers('forward del nobodys '), '')
  assert.is(await offers('--owner other domiflist '), '')
  await line.must('detach-interface', 'kept of mine', 'network', '--config')
  await line.must('net-destroy', 'a')
}, { needs: ['nft', 'tun'] })

test.run()
