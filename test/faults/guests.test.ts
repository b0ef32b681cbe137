import { test } from 'uvu'
import { doubleFaults, everyStep } from './every-step.js'

everyStep(test, 'attach an interface of a guest')
everyStep(test, 'attach what is kept of a guest')
everyStep(test, 'detach an interface of a guest')
doubleFaults(test, 'attach an interface of a guest', ['close the record'])
test.run()
