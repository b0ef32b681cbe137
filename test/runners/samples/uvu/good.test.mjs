import { test } from 'uvu'
import { works } from '../body.mjs'

test('a network comes and goes', works)
test.run()
