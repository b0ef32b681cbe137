import { test } from 'uvu'
import { everyStep } from './every-step.js'

everyStep(test, 'define')
everyStep(test, 'undefine with leases')
test.run()
