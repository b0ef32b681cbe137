import { test } from 'uvu'
import { doubleFaults, everyStep } from './every-step.js'

everyStep(test, 'update while it runs')
everyStep(test, 'a transaction of every kind')
doubleFaults(test, 'update while it runs', ['put back links', 'put back nft elements', 'put back forwarding', 'put back dnsmasq', 'remove links', 'close the record'])
doubleFaults(test, 'a transaction of every kind', [])
test.run()
