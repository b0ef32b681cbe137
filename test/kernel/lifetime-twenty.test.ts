/** The promise of `lifetime: 'process'`, twenty times of twenty. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { networkState } from '../harness/snapshot.js'
import { cleared, daemons, lifetime, living, names } from './lifetime-bed.js'

lifetime('SIGKILL with fifty networks running, some with DHCP, twenty times; nothing is left without a next command', async (context) => {
  const before = await networkState(context.ns.name)
  for (let round = 0; round < 20; round++) {
    const owner = await living(context, { count: 50, end: 'wait' })
    assert.is((await daemons()).length, 5)
    assert.is((await names(context)).length, 60)
    await owner.stop('SIGKILL')
    await cleared(context, before)
  }
})

test.run()
