import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError } from '../../src/errors.js'
import { dnsmasqConfig, type Place } from '../../src/dnsmasq/config.js'
import { emitConfig, field, option } from '../../src/dnsmasq/option.js'
import type { Definition } from '../../src/network/spec.js'
import { exec } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'

const place: Place = { hosts: '/d/hosts', addnhosts: '/d/addnhosts', servers: '/d/servers', leases: '/d/leases' }
const network = (parts: Partial<Definition>): Definition => ({
  name: 'red', uuid: '8f0dbcb9-0f8b-4c32-9d11-0f23c9f7a2b1', mac: '52:54:00:00:00:01', forward: { mode: 'nat' }, bridge: { name: 'br0', stp: false, delay: 0 },
  ip: [{ address: '10.9.0.1', prefix: 24, dhcp: { range: [{ start: '10.9.0.100', end: '10.9.0.110' }] } }], ...parts,
})

/** What breaks out of a value, where anything does; `no-such-option` makes dnsmasq refuse the file once it is a directive. */
const piece = fc.oneof(
  fc.constantFrom('\n', '\r', '\0', '\t', ' ', '"', '\\', '#', ' #', ',', '/', '=', '*', '%', '[', ']', ':', 'é', '\u2028', '\nno-such-option\n', '\rno-such-option\r', 'no-such-option', 'x'.repeat(1_020), 'x'.repeat(63)),
  fc.constantFrom('a', 'example', '.', '-', '_', '1', 'com', '10.9.0.9', 'infinite', '45m', 'set:a', 'tag:b', 'id:*', 'ignore'),
)
const hostile = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''))

/** Each puts a text somewhere into a definition. */
const places: readonly ((text: string) => Partial<Definition>)[] = [
  (name) => ({ name }),
  (name) => ({ domain: { name, localOnly: true } }),
  (name) => ({ bridge: { name, stp: false, delay: 0 } }),
  (name) => ({ dns: { txt: [{ name, value: 'v' }] } }),
  (value) => ({ dns: { txt: [{ name: 'a', value }] } }),
  (service) => ({ dns: { srv: [{ service, protocol: 'tcp' }] } }),
  (protocol) => ({ dns: { srv: [{ service: 'a', protocol }] } }),
  (domain) => ({ dns: { srv: [{ service: 'a', protocol: 'tcp', domain }] } }),
  (target) => ({ dns: { srv: [{ service: 'a', protocol: 'tcp', target, port: 1, priority: 2 }] } }),
  (domain) => ({ dns: { forwarder: [{ domain }] } }),
  (addr) => ({ dns: { forwarder: [{ addr }] } }),
  (hostname) => ({ dns: { host: [{ ip: '192.0.2.1', hostname: [hostname] }] } }),
  (name) => ({ ip: [{ address: '10.9.0.1', prefix: 24, dhcp: { host: [{ mac: '52:54:00:00:00:01', ip: '10.9.0.9', name }] } }] }),
  (id) => ({ ip: [{ address: 'fd00::1', prefix: 64, dhcp: { host: [{ id, ip: 'fd00::9' }] } }] }),
]

kernelTest(test, 'dnsmasq: takes every configuration that we write, whatever was put into the definition', async ({ tmp }) => {
  const file = join(tmp, 'test.conf')
  let accepted = 0
  await fc.assert(fc.asyncProperty(hostile, fc.nat(places.length - 1), async (bad, index) => {
    let config
    try {
      config = dnsmasqConfig(network(places[index]?.(bad) ?? {}), place)
    } catch (error) {
      if (error instanceof InputError) return
      throw error
    }
    accepted++
    // --test does not read hosts files: their lines are the values of an option of the same language.
    const hosts = config.hosts.split('\n').filter((line) => line !== '').map((line) => `dhcp-host=${line}\n`)
    await writeFile(file, `${config.text}${hosts.join('')}`)
    const { code, stderr } = await exec('dnsmasq', ['--test', `--conf-file=${file}`])
    assert.is(code, 0, stderr)
  }), { numRuns: 1_500, seed: 2 })
  assert.ok(accepted > 100, `only ${String(accepted)} texts were accepted: the generator is too hostile to prove anything`)
}, { needs: ['dnsmasq'] })

kernelTest(test, 'dnsmasq: a TXT value is answered character by character', async ({ ns, tmp }) => {
  const values = ['a', ' a', 'a ', '', 'a  b', 'a#b', 'a # b', '#', ',', 'a,b', '"', '\\', '\\n', '\\"', 'a\\', '""', '~`!@$%^&*()_+-={}[]|:;<>?/.', 'it\'s', 'x'.repeat(300), '\\e\\b', '=']
  const options = values.map((value, index) => option('txt-record', field('txtName', `t${String(index)}.test`, ''), field('text', value, '')))
  await ns.must('ip', ['link', 'add', 'br0', 'type', 'bridge'])
  await ns.must('ip', ['addr', 'add', '10.9.0.1/24', 'dev', 'br0'])
  await ns.must('ip', ['link', 'set', 'br0', 'up'])
  const file = join(tmp, 'txt.conf')
  await writeFile(file, emitConfig([['interface', 'br0'], ['bind-interfaces'], ['no-resolv'], ['log-facility', '-'], ['pid-file', ''], ['no-hosts'], ['addn-hosts', '/dev/null'], ...options]))
  const server = ns.spawn('dnsmasq', [`--conf-file=${file}`, '--keep-in-foreground'])
  await server.until(/read \/dev\/null/)
  const ask = `const r = new (require('dns').promises.Resolver)(); r.setServers(['10.9.0.1'])
    Promise.all(Array.from({ length: ${String(values.length)} }, (_, i) => r.resolveTxt('t' + i + '.test'))).then((all) => console.log(JSON.stringify(all.map(([parts]) => parts.join('')))))`
  assert.equal(JSON.parse(await ns.must(process.execPath, ['-e', ask], { env: { NODE_V8_COVERAGE: '' } })), values)
  await server.stop()
  await ns.must('ip', ['link', 'del', 'br0'])
}, { needs: ['dnsmasq'], leaves: true })

test.run()
