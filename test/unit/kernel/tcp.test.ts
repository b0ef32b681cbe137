import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { find } from '../../../src/kernel/tcp.js'

// Lines of a little-endian machine's /proc/net/tcp and tcp6.
const four = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0A0200C0:0016 076433C6:C8D2 01 00000024:00000000 01:00000014 00000000     0        0 29337 4 0000000000000000 20 4 31 10 -1
   1: 0A0200C0:0016 086433C6:C8D2 08 00000000:00000000 00:00000000 00000000     0        0 29338 1 0000000000000000 20 4 31 10 -1`
const six = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000A0200C0:0016 0000000000000000FFFF0000076433C6:C8D2 01 00000000:00000000 00:00000000 00000000     0        0 29339 1 0000000000000000 20 4 31 10 -1
   1: B80D0120000005000000000010000000:0016 B80D0120000077000000000007000000:C8D2 01 00000001:00000000 00:00000000 00000000     0        0 29340 1 0000000000000000 20 4 31 10 -1`

test('tcp: a connection is found by both of its ends, IPv4 among IPv6 too', () => {
  const connection = { local: '192.0.2.10', localPort: 22, remote: '198.51.100.7', remotePort: 51410 }
  assert.equal(find(four, connection), { established: true, unacknowledged: 0x24 })
  assert.equal(find(six, connection), { established: true, unacknowledged: 0 })
  assert.equal(find(four, { ...connection, remote: '198.51.100.8' }), { established: false, unacknowledged: 0 })
  assert.is(find(four, { ...connection, remotePort: 51411 }), undefined)
  assert.equal(find(six, { local: '2001:db8:5::10', localPort: 22, remote: '2001:db8:77::7', remotePort: 51410 }), { established: true, unacknowledged: 1 })
})

test.run()
