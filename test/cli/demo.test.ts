/** `netwright demo` and `scripts/quickstart`: the story is played with real programs, and the harness compares the machine before and after. */
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { background, exec, type Background } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'
import { program } from './command-line.js'

const needs = ['dnsmasq', 'udhcpc'] as const
const repository = fileURLToPath(new URL('../../../', import.meta.url))
/** Another user cannot write where the coverage is collected. */
const env = { NODE_OPTIONS: '', NODE_V8_COVERAGE: '' }
const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups'] as const

const demo = (): Background => background(process.execPath, [program, 'demo'])

/** What is told, in this order. */
const story = [
  /\d\.\d ms {2}made the namespaces nw-demo-\d+-\{guest,host,internet\}/,
  /\d ms {2}defined red_nat from examples\/red-nat\.xml/,
  /\d ms {2}started it: bridge virbr1, firewall, dnsmasq ready/,
  /\d ms {2}DHCP: (?:udhcpc|busybox|dhclient) was given 192\.168\.123\.\d+\/24/,
  /\d ms {2}the host sees the lease: 192\.168\.123\.\d+ for/,
  /\d ms {2}DNS: www\.example\.com is 198\.51\.100\.80, says 192\.168\.123\.1/,
  /\d ms {2}HTTP: www\.example\.com answers; it sees 203\.0\.113\.2, so NAT works/,
  /\d ms {2}from the host to 192\.168\.123\.\d+:8080: connected/,
  /\d ms {2}from the internet to 192\.168\.123\.\d+:8080: refused by the firewall/,
  /^\| +192\.168\.123\.\d+ \| +\| virbr1 +203\.0\.113\.2 \| +\| 203\.0\.113\.1 +DNS \|$/m,
  /^ red_nat {3}active {3}no {10}yes$/m,
  /^Bridge: {9}virbr1$/m,
  / {3}ipv4 {7}192\.168\.123\.\d+\/24 /,
  /\d ms {2}net-destroy red_nat/,
  /\d ms {2}net-undefine red_nat/,
  /\d ms {2}deleted the namespaces/,
  /All of it held, and nothing is left\. \d+\.\d s\.\n/,
]

function mustTell (text: string): void {
  let at = 0
  for (const line of story) {
    const found = line.exec(text.slice(at))
    assert.ok(found, `${String(line)} does not follow in\n${text.slice(at)}`)
    at += (found?.index ?? 0) + (found?.[0].length ?? 0)
  }
}

kernelTest(test, 'demo: tells the whole story in plain text of 80 columns, and leaves nothing', async () => {
  const { code, stdout, stderr } = await exec(process.execPath, [program, 'demo'], { timeoutMs: 180_000 })
  assert.equal([code, stderr], [0, ''], stdout)
  mustTell(stdout)
  assert.not.ok(stdout.includes('\u001b') || stdout.includes('\r'))
  const wide = stdout.split('\n').filter((line) => line.length > 80)
  assert.is(wide.length, 3, `only the table of leases, which is virsh's, is wider: ${wide.join('\n')}`)
  assert.match(stdout, /^ {2}nftables: tables, chains, rules, sets +0 +[1-9]\d* +0$/m)
}, { needs })

kernelTest(test, 'demo: with --json prints a value a line: steps with their times, what stood, counts, what is left', async () => {
  const { code, stdout, stderr } = await exec(process.execPath, [program, '--json', 'demo'], { timeoutMs: 180_000 })
  assert.equal([code, stderr], [0, ''], stdout)
  const values = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.ok(values.filter(({ step, ms }) => typeof step === 'string' && typeof ms === 'number').length >= 15)
  assert.equal((values.find(({ networks }) => networks !== undefined)?.networks as { name: string }[]).map(({ name }) => name), ['red_nat'])
  const counts = Object.entries(values.find(({ counts }) => counts !== undefined)?.counts as Record<string, [number, number, number]>)
  for (const [what, [before, during, after]] of counts) assert.ok(before === after && during > before, `${what}: ${String([before, during, after])}`)
  assert.equal(values.at(-1)?.left, [])
}, { needs })

kernelTest(test, 'demo: SIGINT in the middle ends it with 130 and everything cleared away', async () => {
  const running = demo()
  await running.until(/attached the guest/, 60_000)
  running.child.kill('SIGINT')
  assert.is(await running.ended(60_000), 130)
  assert.match(running.output(), /net-destroy red_nat\n[^]*deleted the namespaces\n[^]*error: the demonstration was ended by a signal\n/)
  assert.not.match(running.output(), /All of it held/)
}, { needs })

kernelTest(test, 'demo: everything is cleared away when its terminal is closed', async () => {
  const running = demo()
  await running.until(/attached the guest/, 60_000)
  running.child.kill('SIGHUP')
  assert.is(await running.ended(60_000), 129)
}, { needs })

kernelTest(test, 'demo: clears away what a killed one left', async () => {
  const killed = demo()
  await killed.until(/attached the guest/, 60_000)
  await killed.stop('SIGKILL')
  assert.is((await readdir('/run/netns')).filter((name) => name.startsWith('nw-demo-')).length, 3)
  const next = demo()
  await next.until(new RegExp(`cleared away what a killed demonstration had left: nw-demo-${String(killed.pid)}\n`), 60_000)
  assert.not.ok((await readdir('/run/netns')).some((name) => name.includes(`-${String(killed.pid)}-`)))
  assert.is(await next.ended(60_000), 0, next.output())
}, { needs })

kernelTest(test, 'demo: says to a user without privilege what helps', async () => {
  const { code, stderr } = await exec('setpriv', [...nobody, process.execPath, program, 'demo'], { env })
  assert.is(code, 1)
  assert.match(stderr, /^error: Failed: make three namespaces\nerror: this user may not make network namespaces\nremedy: .*scripts\/quickstart/)
}, { needs: ['nobody'] })

kernelTest(test, 'quickstart: an unprivileged user sees the whole story in a user namespace', async () => {
  const { code, stdout, stderr } = await exec('setpriv', [...nobody, 'scripts/quickstart'], { env: { ...env, HOME: '/nonexistent' }, cwd: repository, timeoutMs: 180_000 })
  assert.equal([code, stderr], [0, ''], stdout)
  assert.match(stdout, /^Without root, in a user namespace\.$/m)
  mustTell(stdout)
  assert.match(stdout, /^Done in \d+ s\./m)
}, { needs: [...needs, 'nobody'] })

kernelTest(test, 'quickstart: where user namespaces are switched off it says how to go on', async () => {
  const off = 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps -all --inh-caps -all scripts/quickstart'
  const { code, stderr } = await exec('setpriv', [...nobody, 'unshare', '--user', '--map-user=1000', '--keep-caps', 'sh', '-c', off], { env, cwd: repository })
  assert.equal([code, stderr], [1, [
    'quickstart: this machine does not allow user namespaces; do one of',
    '  sudo scripts/quickstart',
    '  sudo sysctl -w user.max_user_namespaces=10000',
    '',
  ].join('\n')])
}, { needs: ['nobody'] })

test.run()
