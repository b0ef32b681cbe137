import { test } from 'uvu'
import { everyStep } from './every-step.js'

everyStep(test, 'stop nat with DHCP and a port')
everyStep(test, 'destroy one of a batch')
test.run()
