import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkNetwork, InputError, networkXml, parseDefinition } from '../../../src/index.js'
import { forwardWords, readForwardLine, readGuestSide, readHostSide } from '../../../src/network/forward-words.js'

const base = { name: 'red', forward: 'nat', ip: [{ address: '10.1.1.1', prefix: 24 }, { address: 'fd00:1::1', prefix: 64 }] }
const forwards = (list: readonly unknown[], more: object = {}): unknown => JSON.parse(JSON.stringify(checkNetwork({ ...base, ...more, forwards: list }).forwards))
/** Every complaint, `path: message`. */
function faults (list: readonly unknown[], more: object = {}): string[] {
  try { checkNetwork({ ...base, ...more, forwards: list }) } catch (error) {
    if (error instanceof InputError) return error.issues.map(({ path, message }) => `${path ?? ''}: ${message}`)
    throw error
  }
  return []
}

test('forwards: the words of a side are read as they are written', () => {
  assert.equal(readHostSide('8080/tcp'), { port: 8080, proto: 'tcp' })
  assert.equal(readHostSide('192.0.2.1:8000-8010/udp'), { address: '192.0.2.1', port: 8000, end: 8010, proto: 'udp' })
  assert.equal(readHostSide('[2001:db8::1]:auto/sctp'), { address: '2001:db8::1', port: 'auto', proto: 'sctp' })
  assert.equal(readGuestSide('[fd00::5]:80'), { guest: 'fd00::5', guestPort: 80 })
  assert.equal(readGuestSide('fd00::5'), { guest: 'fd00::5' })
  assert.equal(readGuestSide('vnet0:80'), { guest: 'vnet0', guestPort: 80 })
  for (const bad of ['', 'x', '80/', '/tcp', '80-/tcp', 'auto-90/tcp', '123456/tcp', ':80', '2001:db8::1:80/tcp', '80/TCP', '80 /tcp']) assert.is(readHostSide(bad) === undefined || bad === ':80', true, bad)
  for (const bad of ['', ':', '10.1.1.1:', '10.1.1.1:x', 'a b', '[fd00::1', 'x/y']) assert.is(readGuestSide(bad), undefined, bad)
  for (const line of ['8080/tcp 10.1.1.10:80', '192.0.2.1:8000-8010/udp 10.1.1.10:9000', '[2001:db8::1]:443/tcp [fd00:1::10]:8443', 'auto/tcp vnet0:22']) assert.is(forwardWords({ guestPort: 0, ...readForwardLine(line), port: readForwardLine(line)?.port ?? 0, guest: readForwardLine(line)?.guest ?? '' }), line)
})

test('forwards: a line, an object and the normal form say the same', () => {
  const normal = [{ proto: 'tcp', port: 8080, guest: '10.1.1.10', guestPort: 80 }]
  for (const one of ['8080/tcp 10.1.1.10:80', '8080 10.1.1.10:80', '0.0.0.0:8080-8080/tcp 10.1.1.10:80', { host: 8080, guest: '10.1.1.10:80' }, { host: '8080/tcp', guest: '10.1.1.10', guestPort: 80 }, { port: 8080, guest: '10.1.1.10:80' }, normal[0]]) assert.equal(forwards([one]), normal, JSON.stringify(one))
  assert.equal(forwards(['80/udp 10.1.1.10']), [{ proto: 'udp', port: 80, guest: '10.1.1.10', guestPort: 80 }])
  assert.equal(forwards([{ host: 'auto', guest: 'vnet0:80', networks: true }]), [{ proto: 'tcp', port: 'auto', guest: 'vnet0', guestPort: 80, networks: true }])
  assert.is(checkNetwork({ ...base, forwards: [] }).forwards, undefined)
})

test('forwards: what cannot be is refused with its place', () => {
  assert.equal(faults(['80/tcp']), ["forwards[0]: '80/tcp' is not a forwarded port: [HOSTADDR:]PORT[-END]/PROTO GUEST:PORT, for example 8080/tcp 192.168.123.10:80"])
  assert.equal(faults(['80/tcp 10.1.2.10:80']), ["forwards[0].guest: guest 10.1.2.10 is not within 10.1.1.0/24, fd00:1::/64 of network 'red'"])
  for (const mistyped of ['10.1.1.300', '10.1.1.010', '10.1.1']) assert.equal(faults([`80/tcp ${mistyped}:80`]), [`forwards[0].guest: '${mistyped}' is neither an address nor the name of a port`])
  assert.equal(faults(['80/tcp 10.1.1.1:80', '81/tcp 10.1.1.0:80', '82/tcp 10.1.1.255:80']).map((one) => one.slice(0, 17)), ['forwards[0].guest', 'forwards[1].guest', 'forwards[2].guest'])
  assert.equal(faults(['90-80/tcp 10.1.1.10:80']), ['forwards[0].end: the range of ports 90-80 is reversed'])
  assert.equal(faults(['80-90/tcp 10.1.1.10:65530']), ["forwards[0].guestPort: the guest's ports of 80-90 would end at 65540, and the last port is 65535"])
  assert.equal(faults(['[2001:db8::1]:80/tcp 10.1.1.10:80']), ["forwards[0].address: 2001:db8::1 is not an IPv4 address, as the guest's is"])
  assert.equal(faults(['[::1]:80/tcp [fd00:1::10]:80']).length, 1)
  assert.equal(faults(['224.0.0.1:80/tcp 10.1.1.10:80']), ["forwards[0].address: address '224.0.0.1' is a multicast address"])
  assert.equal(faults([{ host: 'auto', guest: '10.1.1.10' }]), ['forwards[0].guestPort: is missing'])
  assert.equal(faults([{ host: 80, port: 80, guest: '10.1.1.10' }]), ['forwards[0].host: host stands for address, port and end, and is not said together with them'])
  assert.equal(faults(['80/tcp vnet0:80'], { ip: [{ address: 'fd00:1::1', prefix: 64 }] }), ["forwards[0].guest: network 'red' has no IPv4 subnet in which port 'vnet0' could have an address"])
  assert.equal(faults(['1-16385/tcp 10.1.1.10']), ["forwards: 16385 ports are forwarded to network 'red', and at most 16384 can be"])
})

test('forwards: no two have a port of one address of the host', () => {
  const overlap = ['forwards[1]: ports 85 are those of forwards[0] too']
  assert.equal(faults(['80-90/tcp 10.1.1.10:80', '85/tcp 10.1.1.11:80']), overlap)
  assert.equal(faults(['80-90/tcp 10.1.1.10:80', '192.0.2.1:85/tcp 10.1.1.11:80']), overlap)
  assert.equal(faults(['192.0.2.1:80-90/tcp 10.1.1.10:80', '85/tcp 10.1.1.11:80']), overlap)
  assert.equal(faults(['192.0.2.1:80-90/tcp 10.1.1.10:80', '192.0.2.2:85/tcp 10.1.1.11:80', '85/udp 10.1.1.11:80', '85/tcp [fd00:1::10]:80']), [])
})

test('forwards: a subnet that is still to be chosen is asked about later', () => {
  assert.equal(faults(['80/tcp 10.1.1.10:80', '81/tcp vnet0:80'], { ip: undefined, subnet: 'auto/24' }), [])
})

test('forwards: XML carries them in a namespace that libvirt passes over, and each fault has its line', () => {
  const spec = checkNetwork({ ...base, forwards: ['192.0.2.1:80-90/udp 10.1.1.10:80', { host: 'auto', guest: 'vnet0:22', networks: true }] })
  const xml = networkXml(spec)
  assert.match(xml, /<netwright:forwards xmlns:netwright='urn:netwright:network:1\.0'>\n {4}<netwright:forward proto='udp' address='192\.0\.2\.1' port='80' end='90' guest='10\.1\.1\.10' guestPort='80'\/>\n/)
  assert.equal(parseDefinition(xml).forwards, spec.forwards)
  const declared = " xmlns:netwright='urn:netwright:network:1.0'"
  const bare = xml.replace(declared, '').replace(/(<\/?)netwright:/g, '$1')
  for (const same of [
    xml.replace(declared, '').replace('<network>', `<network${declared}>`),
    xml.replace(declared, declared.replace('netwright', 'ns0')).replace(/(<\/?)netwright:/g, '$1ns0:'),
    bare.replace('<forwards>', "<forwards xmlns='urn:netwright:network:1.0'>"),
  ]) assert.equal(parseDefinition(same).forwards, spec.forwards, same)
  assert.throws(() => parseDefinition(xml.replace('urn:netwright:network:1.0', 'urn:netwright:network:9.9')), /is 'urn:netwright:network:1\.0', not/)
  assert.throws(() => parseDefinition(bare), /unknown element <forwards>/)
  try {
    parseDefinition(xml.replace("guest='10.1.1.10'", "guest='10.9.9.9'"))
    assert.unreachable()
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    assert.equal(error.issues.map(({ path, line }) => [path, xml.split('\n').findIndex((text) => text.includes('10.1.1.10')) + 1 === line]), [['forwards[0].guest', true]])
  }
})

test.run()
