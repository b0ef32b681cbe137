import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseSockets } from '../../../src/dnsmasq/holder.js'

/** /proc/net/tcp and udp6 of Linux 6.18, x86-64, with a TCP server on 10.9.0.1:53 and a client of it, UDP sockets on [::]:67 and [2001:db8::5250:ff:5f00:1]:546. */
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 0100090A:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1364570 1 000000003ab7a7fb 100 0 0 10 0                   
   1: 0100090A:AEFC 0100090A:0035 01 00000000:00000000 00:00000000 00000000     0        0 1364571 2 000000003c365069 20 0 0 10 -1                   
   2: 0100090A:0035 0100090A:AEFC 01 00000000:00000000 00:00000000 00000000     0        0 1364572 1 000000008621bfb4 20 0 0 10 -1                   
`
const UDP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 5789: 00000000000000000000000000000000:0043 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1364573 2 000000007817fbf3 0
 6268: B80D012000000000FF0050520100005F:0222 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1364574 2 00000000f01ca81d 0
`

test('holder: reads listening TCP sockets only', () => {
  assert.equal(parseSockets(TCP, 'tcp'), [{ protocol: 'tcp', address: '10.9.0.1', port: 53, inode: '1364570' }])
})

test('holder: reads IPv6 addresses word by word', () => {
  assert.equal(parseSockets(UDP6, 'udp').map(({ address, port, inode }) => [address, port, inode]), [['::', 67, '1364573'], ['2001:db8::5250:ff:5f00:1', 546, '1364574']])
})

test('holder: passes over lines that it does not know', () => {
  assert.equal(parseSockets('header\nnonsense\n 1: XX:1 2 3\n', 'udp'), [])
})

test.run()
