/** The interactive shell on a real pseudo-terminal: keys go in, what a person would see comes out. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exec } from '../harness/command.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { terminal, type Terminal } from '../harness/terminal.js'
import { commandLine, program } from './command-line.js'

const prompt = /netwright # (?:\x1b\[\d*[A-Z])*$/ // eslint-disable-line no-control-regex -- what moves the cursor

/** A shell in a test's namespace and root, ready for a command; what was typed must end it. */
async function withShell ({ tmp }: Pick<KernelTest, 'tmp'>, words: string, body: (tty: Terminal) => Promise<void>): Promise<number> {
  const tty = terminal(`exec netwright ${words}`, { cwd: tmp, env: { PATH: `${join(tmp, 'bin')}:${process.env.PATH ?? ''}`, HOME: tmp, XDG_CACHE_HOME: join(tmp, 'cache'), EDITOR: 'sed -i s/10.66/10.67/' } })
  try {
    await tty.until(words.includes('-r') ? /netwright > / : prompt)
    await body(tty)
    return await tty.ended()
  } finally { await tty.stop() }
}

/** Types a line and waits at each TAB until what it stands for is shown; resolves with what was shown until the next prompt. */
async function say (tty: Terminal, line: string, ...completions: readonly RegExp[]): Promise<string> {
  const pieces = line.split('\t')
  for (const [index, shown] of completions.entries()) {
    tty.clear()
    tty.type(`${pieces[index] ?? ''}\t`)
    await tty.until(shown)
  }
  tty.clear()
  tty.type(`${pieces.slice(completions.length).join('\t')}\r`)
  await tty.until(new RegExp(`\r\n[^]*${prompt.source}`))
  return tty.output()
}

async function bed (context: KernelTest) {
  const line = await commandLine(context)
  await writeFile(join(context.tmp, 'my net.json'), '{"name": "my net", "forward": "nat", "subnet": "10.66.0.0/24"}')
  return line
}

kernelTest(test, 'shell: welcomes, completes, runs, goes on after an error, and leaves with quit', async (context) => {
  const line = await bed(context)
  const code = await withShell(context, '', async (tty) => {
    assert.match(tty.output(), /This is netwright \d[^]*'quit' leaves/)
    assert.match(await say(tty, 'net-def\tm\t', /net-define /, /my\\ net\.json /), /Network my net defined from my net\.json/)
    assert.match(await say(tty, 'net-strat'), /error: unknown command: 'net-strat'/)
    assert.match(await say(tty, 'net-start m\t; net-list', /my\\ net /), /Network my net started[^]* my net   active/)
    assert.match(await say(tty, 'net-info "my\t', /"my net" /), /Active: +yes/)
    assert.match(await say(tty, 'help quit'), /leave the interactive shell/)
    tty.type('quit\r')
  })
  assert.is(code, 0)
  assert.match(await line.must('net-list'), /my net {3}active/)
  await line.must('net-destroy', 'my net')
}, { needs: ['nft'] })

kernelTest(test, 'shell: keeps its lines for the next one, in a file that only its owner reads', async (context) => {
  await bed(context)
  await withShell(context, '', async (tty) => {
    await say(tty, 'version')
    await say(tty, 'version')
    await say(tty, ' mac')
    tty.type('exit\r')
  })
  const file = join(context.tmp, 'cache/netwright/history')
  assert.is(await readFile(file, 'utf8'), 'version\nexit\n')
  assert.is((await stat(file)).mode & 0o777, 0o600)
  await withShell(context, '', async (tty) => {
    assert.match(await say(tty, '\x1b[A\x1b[A'), /version[^]*\n\d+\.\d+\.\d+/)
    tty.type('\x04') // Ctrl-D
  })
}, { needs: ['nft'] })

kernelTest(test, 'shell: a history that has grown too long is cut; one that cannot be read is none', async (context) => {
  await bed(context)
  const file = join(context.tmp, 'cache/netwright/history')
  await mkdir(join(context.tmp, 'cache/netwright'), { recursive: true })
  await writeFile(file, Array.from({ length: 1200 }, (_, n) => `mac ${String(n)}\n`).join(''))
  await withShell(context, '', async (tty) => { tty.type('quit\r'); await tty.ended() })
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
  assert.equal([lines.length, lines[0], lines.at(-1)], [501, 'mac 700', 'quit'])
  await exec('sh', ['-c', `rm ${file}; mkdir ${file}`])
  assert.is(await withShell(context, '', async (tty) => { tty.type('quit\r'); await tty.ended() }), 0)
}, { needs: ['nft'] })

kernelTest(test, 'shell: Ctrl-C throws a line away, and ends a command that runs, not the shell; SIGTERM ends the shell', async (context) => {
  await bed(context)
  const code = await withShell(context, '', async (tty) => {
    tty.type('net-destroy everything\x03')
    await tty.until(/\^C\r?\n[^]*netwright # /)
    assert.match(await say(tty, 'version'), /\d+\.\d+\.\d+/)
    tty.clear()
    tty.type('events\r')
    await tty.until(/snapshot/)
    tty.type('\x03')
    await tty.until(prompt)
    assert.match(await say(tty, 'version'), /\d+\.\d+\.\d+/)
    const { stdout } = await exec('pgrep', ['-f', '-P', String(tty.pid), 'main.js'])
    process.kill(Number(stdout.trim()), 'SIGTERM')
  })
  assert.is(code, 143)
}, { needs: ['nft'] })

kernelTest(test, 'shell: opens an editor and asks questions on the same terminal', async (context) => {
  const line = await bed(context)
  await line.must('net-define', join(context.tmp, 'my net.json'))
  const code = await withShell(context, '', async (tty) => {
    assert.match(await say(tty, "net-edit 'my net'"), /XML configuration edited/)
    assert.match(await say(tty, "net-dumpxml 'my net'"), /10\.67\.0\.1/)
    tty.type('quit\r')
  })
  assert.is(code, 0)
}, { needs: ['nft'] })

kernelTest(test, 'shell: --readonly has another prompt and refuses changes; --quiet says no welcome', async (context) => {
  await bed(context)
  await withShell(context, '-rq', async (tty) => {
    assert.not.match(tty.output(), /This is/)
    tty.type('net-start x\r')
    await tty.until(/read only access[^]*netwright > /)
    tty.type('quit\r')
  })
}, { needs: ['nft'] })

test('shell: quit on standard input is the last command that is read', async () => {
  const { stdout, code } = await exec(process.execPath, [program, '-q'], { input: 'version\nquit; version\nversion\n' })
  assert.equal([code, stdout.match(/^\d+\.\d+/gm)?.length], [0, 1])
})

test.run()
