import { test } from 'uvu'
import { refuses } from '../body.mjs'

test('errors are typed', refuses)
test.run()
