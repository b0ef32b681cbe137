/** The command as a process: standard input, exit codes, streams. None of this needs the kernel. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exec, type Outcome } from '../harness/command.js'
import { program } from './command-line.js'

const netwright = (words: readonly string[], input = ''): Promise<Outcome> => exec(process.execPath, [program, ...words], { input })

test('process: commands on standard input run one after another, with comments and quotes; a failed one has its line in front and decides the exit code', async () => {
  const { stdout, stderr, code } = await netwright([], "# a comment\n\nmac\n  help 'net-start'\nnet-strat\n--json bridge\nmac\n")
  assert.is(code, 1)
  assert.is(stdout.match(/^52:54:00:/gm)?.length, 2)
  assert.match(stdout, /net-start - start/)
  const [first, second, third] = stderr.split('\n')
  assert.is(first, "error: line 5: unknown command: 'net-strat'")
  assert.is(second, 'remedy: netwright --help lists all')
  assert.is((JSON.parse(third ?? '') as { error: { line: number } }).error.line, 6)
})

test('process: - reads commands, too; all well is exit code 0', async () => {
  const { stdout, stderr, code } = await netwright(['-q', '-'], 'mac; mac\n')
  assert.equal([code, stderr, stdout.trimEnd().split('\n').length], [0, '', 2])
})

test('process: one argument with spaces is a line of commands', async () => {
  const { stdout, code } = await netwright(['mac; mac'])
  assert.equal([code, stdout.match(/^52:54:00:/gm)?.length], [0, 2])
})

test('process: a successful command is followed by an empty line, as in virsh; with --quiet or --json it is not', async () => {
  assert.match((await netwright(['mac'])).stdout, /^52:54:00(:[0-9a-f]{2}){3}\n\n$/)
  assert.match((await netwright(['-q', 'mac'])).stdout, /^52:54:00(:[0-9a-f]{2}){3}\n$/)
  assert.match((await netwright(['--json', 'mac'])).stdout, /^\{"mac":"52:54:00(:[0-9a-f]{2}){3}"\}\n$/)
})

test('process: a file that is not there is an error in virsh\'s words', async () => {
  const { stderr, code } = await netwright(['net-define', '/nowhere/x.xml'])
  assert.equal([code, stderr], [1, "error: Failed to open file '/nowhere/x.xml': No such file or directory\n"])
})

test('process: a file without end is read no further than a definition may be long', async () => {
  const { stderr, code } = await netwright(['render', '/dev/zero'])
  assert.equal([code, stderr.split('\n')[1]], [1, 'error: line 1, column 1: a network definition is XML, which begins with <, or JSON, which begins with {'])
})

test('process: a signal ends the reading of a pipe that nobody writes to', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'netwright-'))
  try {
    const script = 'mkfifo pipe; "$@" & exec 3> pipe; kill "$!"; wait "$!"; echo "$?"' // opening waits until it is opened for reading
    const { stdout, stderr } = await exec('timeout', ['-k', '1', '55', 'sh', '-c', script, 'sh', process.execPath, program, 'render', 'pipe'], { cwd: directory })
    assert.equal([stdout.trim(), stderr], ['143', "error: interrupted while reading 'pipe'\n"])
  } finally { await rm(directory, { recursive: true }) }
})

test('process: a full disk is an error', async () => {
  const { stderr, code } = await exec('sh', ['-c', 'exec "$@" >/dev/full', 'sh', process.execPath, program, 'mac'])
  assert.equal([code, stderr], [1, 'error: standard output could not be written: ENOSPC\n'])
})

test('process: help of a word that begins several verbs lists them', async () => {
  for (const words of [['help', 'bridge'], ['bridge', '--help'], ['bridge', 'help']]) {
    const { stdout, stderr, code } = await netwright(words)
    assert.equal([code, stderr], [0, ''])
    assert.match(stdout, /^ {2}bridge add +make a bridge of no network\n/)
  }
})

test('process: --readonly refuses what changes something', async () => {
  const { stderr, code } = await netwright(['-r', 'net-start', 'default'])
  assert.equal([code, stderr], [1, 'error: operation forbidden: read only access prevents virNetworkCreate\n'])
})

test('process: a remote URI is refused, a local one taken', async () => {
  const remote = await netwright(['-c', 'qemu+ssh://root@h/system', 'mac'])
  assert.is(remote.code, 1)
  assert.match(remote.stderr, /^error: failed to connect to the hypervisor\nerror: 'qemu\+ssh:\/\/root@h\/system' names another host/)
  assert.is((await netwright(['--connect=qemu:///system', 'mac'])).code, 0)
})

test('process: help goes to standard output with exit code 0, a wrong word to standard error with 1', async () => {
  for (const words of [['--help'], ['help'], ['help', 'net-start'], ['net-start', '--help'], ['-v']]) {
    const { stdout, stderr, code } = await netwright(words)
    assert.equal([code, stderr, stdout.length > 0], [0, '', true], words.join(' '))
  }
  const { stdout, code } = await netwright(['net-list', '--bogus'])
  assert.equal([code, stdout], [1, ''])
})

test('process: a reader that goes away is no error', async () => {
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'pipe'] })
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { complaints += text })
  child.stdin.on('error', () => undefined)
  child.stdout.destroy()
  child.stdin.end('help\n'.repeat(200))
  const [code] = await once(child, 'close') as [number | null]
  assert.equal([code, complaints], [0, ''])
})

test('process: render shows a definition in each form and adds nothing that chance would choose', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'render-'))
  try {
    const file = join(directory, 'n.json')
    await writeFile(file, '{"name": "n", "forward": "nat", "subnet": "10.7.0.0/24", "dhcp": true}')
    const forms = await Promise.all(['xml', 'json', 'dnsmasq', 'nft', 'objects'].map((form) => netwright(['render', file, '--as', form])))
    assert.equal(forms.map(({ code, stderr }) => [code, stderr]), forms.map(() => [0, '']))
    assert.not.match(forms.map(({ stdout }) => stdout).join('\n'), /virbr\d|52:54:00|[0-9a-f]{8}-[0-9a-f]{4}-/)
    assert.match(forms[0]?.stdout ?? '', /<ip address='10\.7\.0\.1'/)
    assert.match(forms[2]?.stdout ?? '', /dhcp-range=/)
    assert.is((await netwright(['render', '-', '--as', 'json'], forms[0]?.stdout)).code, 0)
  } finally {
    await rm(directory, { recursive: true })
  }
})

test.run()
