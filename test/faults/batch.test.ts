import { test } from 'uvu'
import { everyStep } from './every-step.js'

everyStep(test, 'start isolated')
everyStep(test, 'create a batch of three')
test.run()
