import { test } from 'uvu'
import { everyStep } from './every-step.js'

everyStep(test, 'update while it runs')
test.run()
