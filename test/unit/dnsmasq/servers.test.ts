import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { serversFile } from '../../../src/dnsmasq/servers.js'

test('servers: takes the name servers of resolv.conf in order, once each', () => {
  const { text } = serversFile('# made by hand\nsearch example.com\nnameserver 192.0.2.1\n nameserver\t2001:DB8::0:1 # second\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n', [])
  assert.is(text, 'server=192.0.2.1\nserver=2001:db8::1\nserver=fe80::1%eth0\n')
})

test('servers: our own gateway is left out and named, since it would ask itself', () => {
  assert.equal(serversFile('nameserver 10.9.0.1\nnameserver 10.9.0.1\nnameserver 192.0.2.1\n', ['10.9.0.1']), { text: 'server=192.0.2.1\n', loops: ['10.9.0.1'] })
})

test('servers: what is no address is not given to dnsmasq', () => {
  for (const bad of ['localhost', '192.0.2.1#5353', '192.0.2.1@eth0', '/example.com/192.0.2.1', 'fe80::1%a/b', 'fe80::1%', '300.1.1.1', '']) assert.is(serversFile(`nameserver ${bad}\n`, []).text, '', bad)
})

test('servers: at most sixteen', () => {
  assert.is(serversFile(Array.from({ length: 50 }, (_, index) => `nameserver 192.0.2.${String(index)}`).join('\n'), []).text.trim().split('\n').length, 16)
})

test.run()
