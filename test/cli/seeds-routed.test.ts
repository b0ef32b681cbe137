/** The tutorial S1; see tutorials.ts. */
import { test } from 'uvu'
import { replay } from './tutorials.js'

replay(test, ['S1'])

test.run()
