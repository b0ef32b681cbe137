import { test } from 'uvu'
import { leaves } from '../body.mjs'

test('a forgotten network', leaves)
test.run()
