/** Forwarded ports of SCTP, by real associations. Run by scripts/test-vm, inside Debian's kernel: this machine's may have no SCTP. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { join } from 'node:path'
import { openHost } from '../../src/index.js'
import { kernelTest, type Namespace } from '../harness/kernel-test.js'
import { HOST } from '../kernel/bed.js'
import { definition, guest, plainUplink } from '../kernel/forwards-bed.js'

/** Tells each caller who he is, on one port of both families. */
const server = `
import socket, sys, threading
def serve(family, address):
  s = socket.socket(family, socket.SOCK_STREAM, 132)
  if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
  s.bind((address, int(sys.argv[1]))); s.listen(5)
  print('listening', address, flush=True)
  while True:
    c, peer = s.accept()
    c.send(peer[0].encode()); c.close()
threading.Thread(target=serve, args=(socket.AF_INET, sys.argv[3])).start()
serve(socket.AF_INET6, sys.argv[2])`
const client = `
import socket, sys
try:
  s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_STREAM, 132)
  s.settimeout(10); s.connect((sys.argv[1], int(sys.argv[2]))); print(s.recv(100).decode())
except OSError as e: print(type(e).__name__)`

/** As whom the guest saw the caller, or why he did not. */
const asked = async (from: Namespace, address: string, port: number): Promise<string> => (await from.must('python3', ['-c', client, address, String(port)])).trim()

kernelTest(test, 'forwards: an SCTP association passes, with its caller\'s address, until its port is forwarded no more', async (bed) => {
  const outside = await plainUplink(bed)
  await using host = await openHost({ netns: bed.ns.path, root: join(bed.tmp, 'root'), supervise: false })
  const net = await host.create(definition(1, { dns: { enable: false }, forwards: ['8080/sctp 10.60.1.10:81', '8080/sctp [fd00:60:1::10]:81', '8081/tcp 10.60.1.10:81'] }))
  const inside = await guest(bed, net, 1, 10)
  const running = inside.spawn('python3', ['-c', server, '81', 'fd00:60:1::10', '10.60.1.10'])
  await running.until(/listening fd00/)
  await running.until(/listening 10/)
  assert.is(await asked(outside, HOST.four, 8080), '198.51.100.2')
  assert.is(await asked(outside, HOST.six, 8080), '2001:db8::2')
  assert.is.not(await asked(outside, HOST.four, 8081), '198.51.100.2', 'a port of TCP is none of SCTP')
  await net.forwards.add('9000-9001/sctp 10.60.1.10:80')
  assert.is(await asked(outside, HOST.four, 9001), '198.51.100.2')
  await net.forwards.remove('8080/sctp 10.60.1.10:81')
  assert.is.not(await asked(outside, HOST.four, 8080), '198.51.100.2')
  assert.is(await asked(outside, HOST.six, 8080), '2001:db8::2')
  await running.stop()
  await net.destroy()
})

test.run()
