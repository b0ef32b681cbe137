import { test } from 'uvu'
import { doubleFaults } from './every-step.js'

doubleFaults(test, 'update while it runs', ['put back links', 'put back nft elements', 'put back forwarding', 'put back dnsmasq', 'remove links', 'close the record'])
doubleFaults(test, 'a transaction of every kind', [])
test.run()
