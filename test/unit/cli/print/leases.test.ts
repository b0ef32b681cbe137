process.env.TZ = 'Europe/Madrid'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { leaseTable } from '../../../../src/cli/print/leases.js'
import { localTime } from '../../../../src/cli/print/time.js'

// Expected text: virsh(1), net-dhcp-leases.
test('leases: are printed as virsh prints them, in local time', () => {
  const lease = { mac: '52:54:00:85:90:e2', ip: '192.168.150.231', prefix: 24, family: 'ipv4', clientId: '01:52:54:00:85:90:e2', expires: new Date('2014-06-16T01:40:14Z') } as const
  assert.is(leaseTable([lease], false), [
    ' Expiry Time           MAC address         Protocol   IP address           Hostname   Client ID or DUID',
    '------------------------------------------------------------------------------------------------------------',
    ' 2014-06-16 03:40:14   52:54:00:85:90:e2   ipv4       192.168.150.231/24   -          01:52:54:00:85:90:e2',
    '',
  ].join('\n'))
})

test('leases: are sorted by MAC; one without end says never', () => {
  const text = leaseTable([{ mac: '52:54:00:00:00:02', ip: '10.0.0.2', family: 'ipv4' }, { mac: '52:54:00:00:00:01', ip: 'fd00::1', prefix: 64, family: 'ipv6', hostname: 'vm' }], true)
  assert.is(text, ' never         52:54:00:00:00:01   ipv6       fd00::1/64   vm         -\n never         52:54:00:00:00:02   ipv4       10.0.0.2     -          -\n')
})

test('time: summer and winter time are the zone\'s', () => {
  assert.is(localTime(new Date('2024-01-05T23:04:05Z')), '2024-01-06 00:04:05')
})

test.run()
