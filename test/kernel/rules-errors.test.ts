/** Rules: what the network says of a connection that they let through reaches the guest, and what they log has a prefix that the kernel takes. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kernelTest } from '../harness/kernel-test.js'
import { gateway, HOST, host } from './bed.js'
import { definition, guest, plainRefusals, plainUplink } from './forwards-bed.js'

const needs = { needs: ['nft'] }
const env = { NODE_V8_COVERAGE: '', NODE_OPTIONS: '' }

/** Answers its first caller until it hears that nobody is there any more. */
const teller = `
const s = require('dgram').createSocket(process.argv[1])
s.once('message', (_, { port, address }) => {
  s.on('error', ({ code }) => { console.log('told ' + code); process.exit(0) })
  s.connect(port, address, () => { console.log('answering'); setInterval(() => s.send('y', (e) => { if (e) { console.log('told ' + e.code); process.exit(0) } }), 50) })
})
s.bind(80, () => console.log('bound'))`
const caller = `
const s = require('dgram').createSocket(process.argv[1])
s.send('x', 80, process.argv[2], () => s.close())`

kernelTest(test, 'rules: an ICMP error about an answer reaches the guest that sent it, else long answers would vanish', async (bed) => {
  const outside = await plainUplink(bed)
  await plainRefusals(bed)
  await outside.must('sysctl', ['-q', '-w', 'net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0'])
  await gateway(outside, HOST.four, HOST.six)
  const h = await host(bed)
  const net = await h.create(definition(1, { forward: 'none', rules: ['allow in udp/80', 'deny in'] }))
  const inside = await guest(bed, net, 1, 10)
  for (const [kind, address] of [['udp4', '10.60.1.10'], ['udp6', 'fd00:60:1::10']] as const) {
    const server = inside.spawn(process.execPath, ['-e', teller, kind], { env })
    await server.until(/bound/)
    await outside.must(process.execPath, ['-e', caller, kind, address], { env })
    await server.until(/told ECONNREFUSED/)
    await server.stop()
  }
  await net.destroy()
  await h.close()
}, needs)

kernelTest(test, 'rules: a log line begins with as much of the network\'s name as the kernel takes', async (bed) => {
  const h = await host(bed)
  const net = await h.create(definition(1, { name: `a${'b'.repeat(180)}`, rules: ['deny out udp/81 log'] }))
  assert.match(await bed.ns.must('nft', ['list', 'chain', 'inet', 'netwright', 'out-nwf1']), /log prefix "ab{124}: "/)
  await net.destroy()
  const odd = await h.create(definition(1, { name: 'a"é$b\\', rules: ['deny out udp/81 log'] }))
  assert.match(await bed.ns.must('nft', ['list', 'chain', 'inet', 'netwright', 'out-nwf1']), /log prefix "a\?\?\$b\\: "/)
  await odd.destroy()
  await h.close()
}, needs)

test.run()
