import { test } from 'uvu'
import { doubleFaults, everyStep } from './every-step.js'

everyStep(test, 'attach a macvtap')
doubleFaults(test, 'attach a macvtap', ['close the record'])
test.run()
