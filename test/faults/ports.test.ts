import { test } from 'uvu'
import { everyStep } from './every-step.js'

everyStep(test, 'attach a TAP')
everyStep(test, 'attach a veth')
everyStep(test, 'detach a TAP')
test.run()
