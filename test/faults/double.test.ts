import { test } from 'uvu'
import { doubleFaults } from './every-step.js'

const undo = ['remove dnsmasq', 'remove links', 'dig a grave', 'remove forwarding', 'remove nft elements', 'remove files', 'close the record']
doubleFaults(test, 'start nat with DHCP', undo)
doubleFaults(test, 'create a batch of three', undo)
doubleFaults(test, 'attach a veth', ['remove dnsmasq', 'remove links', 'close the record'])
doubleFaults(test, 'stop nat with DHCP and a port', [])
doubleFaults(test, 'destroy one of a batch', [])
doubleFaults(test, 'detach a TAP', [])
test.run()
