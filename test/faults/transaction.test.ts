import { test } from 'uvu'
import { everyStep } from './every-step.js'

everyStep(test, 'a transaction of every kind')
test.run()
