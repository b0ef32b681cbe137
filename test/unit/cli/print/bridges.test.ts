import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bridgeTable } from '../../../../src/cli/print/bridges.js'

const bridge = (name: string, id: string, stp: boolean, ports: readonly string[]) => ({ name, id, stp, ports, forwardDelay: 15 })

// Expected text: `brctl show | cat -A`, bridge-utils 1.7 on Linux 6.18.
test('bridges: are printed as brctl show prints them', () => {
  assert.is(bridgeTable([bridge('zbr', '8000.000000000000', true, []), bridge('abr', '8000.32ac0836ea0b', false, ['t1', 't0']), bridge('Bbr', '8000.000000000000', false, [])], false), [
    'bridge name\tbridge id\t\tSTP enabled\tinterfaces',
    'Bbr\t\t8000.000000000000\tno\t\t',
    'abr\t\t8000.32ac0836ea0b\tno\t\tt0',
    '\t\t\t\t\t\t\tt1',
    'zbr\t\t8000.000000000000\tyes\t\t',
    '',
  ].join('\n'))
})

test.run()
