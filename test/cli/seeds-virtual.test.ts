/** The tutorials S2 and S4; see tutorials.ts. */
import { test } from 'uvu'
import { replay } from './tutorials.js'

replay(test, ['S2', 'S4'])

test.run()
