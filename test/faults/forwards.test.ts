import { test } from 'uvu'
import { doubleFaults, everyStep } from './every-step.js'

everyStep(test, 'forward a port while it runs')
everyStep(test, 'forward a port no more')
doubleFaults(test, 'forward a port while it runs', ['put back nft elements'])
test.run()
