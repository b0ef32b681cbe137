import { test } from 'uvu'
import { doubleFaults, everyStep } from './every-step.js'

everyStep(test, 'let peers talk while they run')
everyStep(test, 'add the first rule while it runs')
everyStep(test, 'start with peers and rules')
doubleFaults(test, 'add the first rule while it runs', ['put back nft elements'])
test.run()
