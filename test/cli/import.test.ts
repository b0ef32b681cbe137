/** Taking over libvirt's networks: its directory as libvirtd writes it; /run is the sandbox's own. */
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kernelTest } from '../harness/kernel-test.js'
import { commandLine } from './command-line.js'

const header = '<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE\nOVERWRITTEN AND LOST. Changes to this xml configuration should be made using:\n  virsh net-edit\nor other application using the libvirt API.\n-->\n\n'
const uuid = (n: number): string => `3eea6d23-0000-4000-8000-00000000000${String(n)}`
const xml = (name: string, n: number, more = ''): string => `${header}<network>\n  <name>${name}</name>\n  <uuid>${uuid(n)}</uuid>\n  <forward mode='nat'/>\n  <bridge name='virbr${String(n)}' stp='on' delay='0'/>\n  <mac address='52:54:00:00:00:0${String(n)}'/>\n${more}  <ip address='192.168.13${String(n)}.1' netmask='255.255.255.0'/>\n</network>\n`

/** A directory of libvirt's with these networks; those named are marked for autostart. */
async function libvirt (tmp: string, networks: Readonly<Record<string, string>>, autostart: readonly string[] = []): Promise<string> {
  const directory = join(tmp, 'libvirt')
  await mkdir(join(directory, 'autostart'), { recursive: true })
  for (const [name, text] of Object.entries(networks)) await writeFile(join(directory, `${name}.xml`), text)
  for (const name of autostart) await symlink(join(directory, `${name}.xml`), join(directory, 'autostart', `${name}.xml`))
  return directory
}

kernelTest(test, 'import: definitions and autostart marks come over with uuid, MAC and bridge; a second time nothing is done', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const directory = await libvirt(tmp, { alpha: xml('alpha', 1), beta: xml('beta', 2) }, ['beta'])
  assert.is(await line.must('import', '--from-libvirt', directory, '--dry-run'), 'Network alpha would be imported\nNetwork beta would be imported, marked as autostarted\n\n')
  assert.is(await line.must('-q', 'net-list', '--all'), '')
  const { stdout, stderr, code } = await line.run(['import', '--from-libvirt', directory])
  assert.equal([code, stdout], [0, 'Network alpha imported\nNetwork beta imported, marked as autostarted\n\n'])
  assert.match(stderr, /^warning: libvirt still has network 'beta'.*\nremedy: virsh net-autostart beta --disable\n$/)
  assert.match(await line.must('net-list', '--all'), / alpha +inactive +no +yes\n beta +inactive +yes +yes/)
  const dumped = await line.must('net-dumpxml', 'beta')
  for (const part of [uuid(2), '52:54:00:00:00:02', "<bridge name='virbr2' stp='on' delay='0'/>", "<ip address='192.168.132.1' netmask='255.255.255.0'"]) assert.ok(dumped.includes(part), dumped)
  assert.is(await line.must('import', '--from-libvirt', directory), 'Network alpha is defined already and stays as it is\nNetwork beta is defined already and stays as it is\n\n')
  assert.is(await readFile(join(directory, 'beta.xml'), 'utf8'), xml('beta', 2), "libvirt's files are only read")
  await line.must('net-start', 'beta')
  await line.must('net-destroy', 'beta')
}, { needs: ['nft'] })

kernelTest(test, 'import: what libvirt runs, what is not known and what is in the way is refused, each by itself, and the others come over', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const directory = await libvirt(tmp, {
    a: xml('a', 1), b: xml('b', 2), c: xml('c', 3), d: xml('d', 4, "  <bandwidth>\n    <inbound average='1000'/>\n  </bandwidth>\n"), e: xml('e', 5), f: xml('f', 6), g: 'no xml',
  }, ['a', 'f'])
  await mkdir('/run/libvirt/network', { recursive: true })
  await writeFile('/run/libvirt/network/a.xml', '<networkstatus/>')
  await ns.must('ip', ['link', 'add', 'virbr2', 'type', 'bridge'])
  await writeFile('/run/libvirt/network/c.pid', '1\n') // never removed by libvirt, and no dnsmasq of today
  await writeFile(join(tmp, 'e.json'), JSON.stringify({ name: 'e', forward: 'nat', subnet: '10.66.0.0/24' }))
  await line.must('net-define', join(tmp, 'e.json'))
  const { stdout, stderr, code } = await line.run(['import', '--from-libvirt', directory])
  await rm('/run/libvirt', { recursive: true })
  await ns.must('ip', ['link', 'del', 'virbr2'])
  assert.equal([code, stdout], [1, 'Network c imported\nNetwork f imported, marked as autostarted\n\n'])
  for (const [name, why] of Object.entries({
    a: 'libvirt runs it: /run/libvirt/network/a.xml is there\nremedy: virsh net-destroy a', b: "its bridge virbr2 stands and is not netwright's",
    d: 'line 14, column 3: ', e: "operation failed: network 'e' already exists with uuid", g: 'line 1, column 1: ',
  })) assert.ok(stderr.includes(`error: Failed to import network from ${join(directory, name)}.xml\nerror: ${why}`), `${name}: ${stderr}`)
  assert.is(stderr.match(/^error: Failed/gm)?.length, 5)
  assert.is(await line.must('-q', 'net-list', '--all', '--name'), 'c\ne\nf\n')
}, { needs: ['nft'] })

kernelTest(test, 'import: a network whose dnsmasq of libvirt lives is refused', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const directory = await libvirt(tmp, { a: xml('a', 1) })
  const configuration = join(tmp, 'a.conf')
  await writeFile(configuration, 'port=0\n')
  const dnsmasq = ns.spawn('dnsmasq', ['--keep-in-foreground', '--pid-file=', `--conf-file=${configuration}`])
  await mkdir('/run/libvirt/network', { recursive: true })
  const pids = (await ns.must('ip', ['netns', 'pids', ns.name])).trim().split('\n')
  const comms = await Promise.all(pids.map(async (pid) => [pid, (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim()] as const))
  await writeFile('/run/libvirt/network/a.pid', `${comms.find(([, comm]) => comm === 'dnsmasq')?.[0] ?? String(dnsmasq.pid)}\n`)
  const { stderr, code } = await line.run(['import', '--from-libvirt', directory])
  await dnsmasq.stop()
  await rm('/run/libvirt', { recursive: true })
  assert.is(code, 1)
  assert.match(stderr, /a\.pid names a dnsmasq that lives/)
}, { needs: ['nft', 'dnsmasq'] })

kernelTest(test, 'import: a directory that is not there, or nothing in it, is said', async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const missing = await line.run(['import', '--from-libvirt', join(tmp, 'nowhere')])
  assert.equal([missing.code, missing.stderr.split('\n')[1]], [1, `error: libvirt's directory ${join(tmp, 'nowhere')} cannot be read: ENOENT`])
  assert.is(await line.must('import', '--from-libvirt', await libvirt(tmp, {})), `No networks in ${join(tmp, 'libvirt')}\n\n`)
  assert.is((await line.run(['import'])).code, 1)
})

const documents = new URL('../../../../shared/conformance/libvirt/confdata/', import.meta.url)

kernelTest(test, "import: each of libvirt's own test documents comes over, or is refused with the line of what is not known", async ({ ns, tmp }) => {
  const line = await commandLine({ ns, tmp })
  const texts = await Promise.all((await readdir(documents)).filter((file) => file.endsWith('.xml')).map(async (file) => await readFile(new URL(file, documents), 'utf8')))
  const commands: string[] = []
  for (const [index, text] of texts.entries()) {
    await mkdir(join(tmp, String(index)))
    await writeFile(join(tmp, String(index), `${/<name>(.*)<\/name>/.exec(text)?.[1] ?? 'nameless'}.xml`.replaceAll('/', '_')), text)
    commands.push(`--json import --from-libvirt ${join(tmp, String(index))} --dry-run\n`)
  }
  const { stdout, stderr } = await line.run(['-'], { input: commands.join(''), timeoutMs: 60_000 })
  const outcomes = stdout.trimEnd().split('\n').map((each) => (JSON.parse(each) as { change: string }[])[0]?.change)
  const refusals = stderr.trimEnd().split('\n').map((each) => (JSON.parse(each) as { error: { code: string, issues?: { line?: number }[] } }).error)
  assert.is(outcomes.length, texts.length)
  assert.is(outcomes.filter((change) => change === 'refused').length, refusals.length)
  assert.ok(outcomes.filter((change) => change === 'would be imported').length > texts.length / 2, stderr)
  for (const { code, issues } of refusals) assert.ok(code === 'NETWRIGHT_UNSUPPORTED' && (issues?.[0]?.line ?? 0) > 0, JSON.stringify([code, issues]))
}, { needs: ['libvirt-documents'] })

test.run()
