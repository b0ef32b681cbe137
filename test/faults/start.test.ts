import { test } from 'uvu'
import { everyStep } from './every-step.js'

everyStep(test, 'start nat with DHCP')
everyStep(test, 'start nat')
test.run()
