/** `netwright top`: lines and JSON without a terminal; on a pseudo-terminal (script(1)) the whole screen, which is left as it was found. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dhcp, guest, ping } from '../harness/guest.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { eventually } from '../kernel/bed.js'
import { commandLine, program } from './command-line.js'

interface Line { readonly seconds: number, readonly networks: readonly { readonly network: string, readonly leases: number, readonly inBits: number, readonly counters: { readonly rxPackets: number, readonly txPackets: number } }[], readonly events: readonly { readonly kind: string }[] }

const quick = { name: 'quick', forward: 'nat', subnet: '10.66.0.0/24', bridge: 'br-quick', dhcp: true }

kernelTest(test, 'top: --once and --json give rates that the kernel\'s counters bear out, leases, and what happened', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  await writeFile(`${tmp}/net.json`, JSON.stringify(quick))
  await line.must('net-create', `${tmp}/net.json`)
  const vm = await guest(ns, 'br-quick', { mac: '52:54:00:00:66:02' })
  const watching = ns.spawn(process.execPath, [program, '--root', line.root, 'top', '--json', '--interval', '0.3'])
  const said = (): Line[] => watching.output().split('\n').filter((text) => text.endsWith('}')).map((text) => JSON.parse(text) as Line)
  await watching.until(/"seconds"/)
  assert.ok(await dhcp(vm, tmp))
  assert.ok(await ping(vm, '10.66.0.1'))
  // What happens while a line is made is in the next one.
  await eventually('news of the lease', async () => said().some(({ events }) => events.some(({ kind }) => kind === 'lease')) ? true : undefined)
  const lease = await eventually('the lease', async () => said().find(({ networks: [one] }) => one?.leases === 1))
  assert.ok(lease.seconds > 0)
  const last = said().at(-1)?.networks[0]?.counters
  const [counted] = await ns.json<{ stats64: { rx: { packets: number }, tx: { packets: number } } }[]>('ip', ['-j', '-s', 'link', 'show', 'br-quick'])
  assert.ok((last?.txPackets ?? 0) > 0 && (last?.rxPackets ?? 0) <= (counted?.stats64.rx.packets ?? 0) && (last?.txPackets ?? 0) <= (counted?.stats64.tx.packets ?? 0))
  assert.ok(said().some(({ networks: [one] }) => (one?.inBits ?? 0) > 0))
  watching.child.kill('SIGTERM')
  assert.is(await watching.ended(), 143)
  const text = await line.must('top', '--once', '--interval', '0.2')
  assert.match(text, /^\d\d:\d\d:\d\d {2}network, port +in bit\/s +out bit\/s +in pkt\/s +out pkt\/s +drops +leases\n\d\d:\d\d:\d\d {2}quick br-quick +\d\S* +\d\S* +\d\S* +\d\S* +0 +1\n\n$/)
  const bad = await line.run(['top', '--interval', '0'])
  assert.equal([bad.code, bad.stderr], [1, "error: --interval is 0.1 to 3600 seconds, not '0'\n"])
  await line.must('net-destroy', 'quick')
  await ns.must('ip', ['link', 'del', vm.port])
}, { needs: ['nft', 'dnsmasq', 'udhcpc'] })

/** A terminal of 80 columns in which a shell runs `netwright top`, and says before and after how the terminal is set. */
interface Terminal { readonly child: ChildProcess, output (): string, until (pattern: RegExp): Promise<void>, pid (): Promise<number>, ended (): Promise<void> }

function terminal ({ ns, tmp }: KernelTest, root: string, options: { readonly crash?: boolean } = {}): Terminal {
  // An exception that nobody catches, out of the blue.
  const crash = options.crash === true ? `NODE_OPTIONS='--import=data:text/javascript,process.on(%22SIGUSR2%22,()=>{throw(new(Error)(%22boom%22))})' ` : ''
  const shell = `stty cols 80 rows 24; stty -g > ${tmp}/before; ${crash}${process.execPath} ${program} --root ${root} top --interval 0.2; echo "code=$?"; stty -g > ${tmp}/after; cmp ${tmp}/before ${tmp}/after && echo settings are as before`
  const child = spawn('ip', ['netns', 'exec', ns.name, 'script', '-qfec', shell, '/dev/null'], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C.UTF-8', TERM: 'xterm', NODE_V8_COVERAGE: '' } })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (data: string) => { text += data })
  const closed = once(child, 'close')
  return {
    child, output: () => text,
    until: async (pattern) => { await eventually(String(pattern), async () => pattern.test(text) ? true : undefined) },
    pid: async () => Number((await ns.must('pgrep', ['-f', '-n', `^${process.execPath} .*--root ${root} top`])).trim()),
    ended: async () => { await closed },
  }
}

const ENTER = '\u001b[?1049h'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'

/** Taken once, left once, nothing drawn afterwards, and the settings of the terminal are as before. */
async function left (screen: Terminal, code: number): Promise<string> {
  await screen.until(/code=\d+/)
  await screen.ended()
  const [before = '', after = ''] = screen.output().split(LEAVE)
  assert.is(screen.output().split(ENTER).length, 2)
  assert.is(screen.output().split(LEAVE).length, 2)
  assert.match(before, /what happened/)
  assert.not.match(after, /what happened/)
  assert.match(after, new RegExp(`code=${String(code)}\\r\\n`))
  assert.match(after, /settings are as before/)
  return after
}

kernelTest(test, 'top: takes the screen, shows networks and events, follows the keys and the size, and leaves the terminal as it was at q', async (bed) => {
  const { ns, tmp } = bed
  const line = await commandLine({ ns, tmp })
  await writeFile(`${tmp}/net.json`, JSON.stringify({ ...quick, dhcp: false }))
  await line.must('net-create', `${tmp}/net.json`)
  const screen = terminal(bed, line.root)
  await screen.until(/ 1 network, 0 ports, 0 leases[^]*quick/)
  const drawn = screen.output().slice(screen.output().lastIndexOf('\u001b[H'))
  assert.is(drawn.split('\r\n').length, 24)
  screen.child.stdin?.write('s')
  await screen.until(/sort \(by traffic\)/)
  await writeFile(`${tmp}/other.json`, JSON.stringify({ name: 'other' }))
  await line.must('net-create', `${tmp}/other.json`)
  await screen.until(/event 'lifecycle' for network other: Started[^]*2 networks/)
  // The size that the terminal has now: the program is told by SIGWINCH.
  const tty = (await ns.must('readlink', [`/proc/${String(await screen.pid())}/fd/1`])).trim()
  await ns.must('stty', ['-F', tty, 'cols', '100', 'rows', '10'])
  await eventually('a frame of ten lines', async () => { const frames = screen.output().split('\u001b[H').slice(1, -1); return frames.at(-1)?.split('\r\n').length === 10 ? true : undefined })
  screen.child.stdin?.write('q')
  await left(screen, 0)
  for (const name of ['quick', 'other']) await line.must('net-destroy', name)
}, { needs: ['nft'] })

for (const [how, code, act] of [
  ['^C', 130, async (screen: Terminal) => { screen.child.stdin?.write('\u0003') }], ['SIGTERM', 143, async (screen: Terminal) => { process.kill(await screen.pid(), 'SIGTERM') }],
  ['SIGQUIT', 131, async (screen: Terminal) => { process.kill(await screen.pid(), 'SIGQUIT') }],
] as const) {
  kernelTest(test, `top: leaves the terminal as it was at ${how}`, async (bed) => {
    const line = await commandLine(bed)
    const screen = terminal(bed, line.root)
    await screen.until(/what happened/)
    await act(screen)
    await left(screen, code)
  })
}

kernelTest(test, 'top: leaves the terminal as it was when it crashes, and then says why', async (bed) => {
  const line = await commandLine(bed)
  const screen = terminal(bed, line.root, { crash: true })
  await screen.until(/what happened/)
  process.kill(await screen.pid(), 'SIGUSR2')
  assert.match(await left(screen, 1), /boom/)
})

test.run()
