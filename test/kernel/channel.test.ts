/** The channel against the real kernel. Links are made and counted by iproute2; messages are framed by hand, so that only the channel is under test. */
import { Worker } from 'node:worker_threads'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { s32 } from '../../src/bytes/codec.js'
import { struct } from '../../src/bytes/struct.js'
import { Writer } from '../../src/bytes/writer.js'
import { KernelError, NetwrightError } from '../../src/errors.js'
import { openChannel, type Channel } from '../../src/netlink/channel.js'
import { messages, NETLINK_NETFILTER, NETLINK_ROUTE, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLMSG_DONE, NLMSG_ERROR, type Message } from '../../src/netlink/header.js'
import { native } from '../../src/netlink/native.js'
import { frame } from '../../src/netlink/request.js'
import type { Reply } from '../../src/netlink/transport.js'
import { exec, must } from '../harness/command.js'
import { kernelTest, type TestNamespace } from '../harness/kernel-test.js'

const RTM_NEWLINK = 16
const RTM_GETLINK = 18
const IFLA_IFNAME = 3
const IFLA_LINKINFO = 18

const ifinfomsg = struct('ifinfomsg', 16, { index: [4, s32] })
const link = (index: number): Buffer => {
  const w = new Writer()
  ifinfomsg.encodePartial(w, { index })
  return w.take()
}

const attribute = (type: number, payload: Buffer): Buffer => {
  const w = new Writer()
  w.u16(4 + payload.length); w.u16(type); w.bytes(payload); w.align()
  return w.take()
}
const bridge = (name: string): Buffer => Buffer.concat([
  link(0), attribute(IFLA_IFNAME, Buffer.from(`${name}\0`)), attribute(IFLA_LINKINFO, attribute(1, Buffer.from('bridge'))),
])

/** One framed message. */
function message (type: number, flags: number, body: Buffer, seq: number): Buffer {
  const w = new Writer()
  frame(w, { type, flags, body }, seq)
  return w.take()
}
const getLink = (channel: Channel, index: number, seq = channel.sequence()): Promise<Reply> => channel.exchange(message(RTM_GETLINK, 0, link(index), seq), false)
const dumpLinks = (channel: Channel, seq = channel.sequence()): Promise<Reply> => channel.exchange(message(RTM_GETLINK, NLM_F_DUMP, link(0), seq), true)
const addBridge = (channel: Channel, name: string): Promise<Reply> => channel.exchange(message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, bridge(name), channel.sequence()), false)

const all = (reply: Reply): Message[] => reply.datagrams.flatMap((datagram) => [...messages(datagram)])
const errno = (message: Message | undefined): number => message?.type === NLMSG_ERROR ? -s32.decode(message.payload.subarray(0, 4)) : NaN

const manyLinks = (ns: TestNamespace, count: number): Promise<string> =>
  ns.must('ip', ['-batch', '-'], { input: Array.from({ length: count / 2 }, (_, i) => `link add many${i} group 7 type veth peer name peer${i}\n`).join('') })

const modules = { channel: new URL('../../src/netlink/channel.js', import.meta.url).href, native: new URL('../../src/netlink/native.js', import.meta.url).href }

kernelTest(test, 'channel: sees the links of the namespace that it was opened in, whose descriptor may be closed at once', async ({ ns }) => {
  await ns.must('ip', ['link', 'add', 'here0', 'index', '4711', 'type', 'bridge'])
  const { fd } = await native().netnsOpen(ns.path)
  const opening = openChannel({ protocol: NETLINK_ROUTE, netns: fd })
  native().close(fd)
  await using there = await opening
  await using own = await openChannel({ protocol: NETLINK_ROUTE })
  const [found] = all(await getLink(there, 4711))
  assert.is(found?.type, RTM_NEWLINK)
  assert.ok(found?.payload.includes('here0\0'))
  assert.is(errno(all(await getLink(own, 4711))[0]), 19)
  await ns.must('ip', ['link', 'del', 'here0'])
})

kernelTest(test, 'channel: a thousand requests in flight are each answered by their own answer, in order', async ({ ns }) => {
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  const order: number[] = []
  const asked = Array.from({ length: 1000 }, (_, i) => ({ seq: channel.sequence(), kind: i % 3 }))
  await Promise.all(asked.map(async ({ seq, kind }, i) => {
    const reply = await (kind === 0 ? dumpLinks(channel, seq) : getLink(channel, kind === 1 ? 1 : 4711, seq))
    const found = all(reply)
    order.push(i)
    assert.ok(found.every((one) => one.seq === seq))
    if (kind === 0) assert.equal(found.map(({ type }) => type), [RTM_NEWLINK, NLMSG_DONE])
    else assert.is(kind === 1 ? found[0]?.type : errno(found[0]), kind === 1 ? RTM_NEWLINK : 19)
  }))
  assert.equal(order, asked.map((_, i) => i))
  assert.is(channel.waited.requests, 1000)
})

kernelTest(test, 'channel: a dump of hundreds of links is complete', async ({ ns }) => {
  await manyLinks(ns, 300)
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  const reply = await dumpLinks(channel)
  const listed = await ns.json<{ ifindex: number }[]>('ip', ['-j', 'link'])
  const found = all(reply)
  assert.is(found.at(-1)?.type, NLMSG_DONE)
  assert.equal(found.filter(({ type }) => type === RTM_NEWLINK).map(({ payload }) => ifinfomsg.decode(payload).index), listed.map(({ ifindex }) => ifindex))
  assert.is(reply.overrun, false)
  await ns.must('ip', ['link', 'del', 'group', '7'])
})

kernelTest(test, 'channel: a batch whose answers do not fit is done all the same, says overrun and leaves nothing for the next request', async ({ ns }) => {
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd, receiveBuffer: 1 })
  const batch = Buffer.concat(Array.from({ length: 40 }, (_, i) => message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, bridge(`few${i}`), channel.sequence())))
  const reply = await channel.exchange(batch, false)
  assert.is(reply.overrun, true)
  assert.ok(all(reply).length < 40)
  assert.is((await ns.json<unknown[]>('ip', ['-j', 'link', 'show', 'type', 'bridge'])).length, 40)
  const seq = channel.sequence()
  assert.equal(all(await getLink(channel, 4711, seq)).map((one) => [one.seq, errno(one)]), [[seq, 19]])
  await ns.must('ip', ['-batch', '-'], { input: Array.from({ length: 40 }, (_, i) => `link del few${i}\n`).join('') })
})

kernelTest(test, 'channel: a dump works where the receive buffer holds hardly anything', async ({ ns }) => {
  await manyLinks(ns, 40)
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd, receiveBuffer: 1 })
  for (let i = 0; i < 3; i++) {
    const reply = await dumpLinks(channel)
    assert.ok(reply.overrun || all(reply).at(-1)?.type === NLMSG_DONE)
  }
  await ns.must('ip', ['link', 'del', 'group', '7'])
})

kernelTest(test, 'channel: a request marked as a dump that is none does not hang, and is not called complete', async ({ ns }) => {
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  const seq = channel.sequence()
  assert.is((await channel.exchange(message(RTM_GETLINK, 0, link(1), seq), true)).overrun, true)
  assert.is(all(await dumpLinks(channel)).at(-1)?.type, NLMSG_DONE)
})

kernelTest(test, 'channel: a send that the kernel refuses is a KernelError and nothing is done', async ({ ns }) => {
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd, sendBuffer: 1 })
  const batch = Buffer.concat(Array.from({ length: 400 }, (_, i) => message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, bridge(`no${i}`), channel.sequence())))
  const error = await channel.exchange(batch, false).then(() => undefined, (reason: unknown) => reason)
  assert.ok(error instanceof KernelError)
  assert.equal([error.request, error.errnoName, error.message], ['sendmsg', 'EMSGSIZE', 'sendmsg rtnetlink: EMSGSIZE'])
  assert.equal(await ns.json('ip', ['-j', 'link', 'show', 'type', 'bridge']), [])
})

kernelTest(test, 'channel: a namespace that is none, and a protocol that is none, are KernelErrors', async ({ tmp }) => {
  const { open } = await import('node:fs/promises')
  const file = await open(tmp, 'r')
  const error = await openChannel({ protocol: NETLINK_ROUTE, netns: file.fd }).then(() => undefined, (reason: unknown) => reason)
  await file.close()
  assert.ok(error instanceof KernelError)
  assert.equal([error.request, error.errnoName], ['setns', 'EINVAL'])
  const unknown = await openChannel({ protocol: 31 }).then(() => undefined, (reason: unknown) => reason)
  assert.ok(unknown instanceof KernelError)
  assert.equal([unknown.request, unknown.errnoName], ['socket', 'EPROTONOSUPPORT'])
})

kernelTest(test, 'channel: after close every request is refused with NETWRIGHT_CLOSED, and closing twice is fine', async ({ ns }) => {
  const channel = await openChannel({ protocol: NETLINK_NETFILTER, netns: ns.fd })
  await Promise.all([channel.close(), channel.close()])
  await channel.close()
  const error = await dumpLinks(channel).then(() => undefined, (reason: unknown) => reason)
  assert.ok(error instanceof NetwrightError && error.code === 'NETWRIGHT_CLOSED')
})

kernelTest(test, 'channel: closed while RTNL is held elsewhere, each request is either answered or refused as closed', async ({ ns }) => {
  const other = await ns.add()
  await other.must('ip', ['-batch', '-'], { input: Array.from({ length: 30 }, (_, i) => `link add held${i} up group 7 type bridge\n`).join('') })
  const channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  const holder = other.spawn('ip', ['link', 'del', 'group', '7'])
  const results = Promise.allSettled(Array.from({ length: 20 }, (_, i) => addBridge(channel, `mid${i}`)))
  await channel.close()
  const settled = await results
  const made = settled.filter((one) => one.status === 'fulfilled')
  assert.ok(made.every(({ value }) => errno(all(value)[0]) === 0))
  for (const one of settled) if (one.status === 'rejected') assert.is((one.reason as NetwrightError).code, 'NETWRIGHT_CLOSED')
  const listed = await ns.json<{ ifname: string }[]>('ip', ['-j', 'link', 'show', 'type', 'bridge'])
  assert.equal(listed.map(({ ifname }) => ifname), made.map((_, i) => `mid${i}`))
  for (const { ifname } of listed) await ns.must('ip', ['link', 'del', ifname])
  await holder.ended()
})

kernelTest(test, 'channel: an idle one does not keep the process alive, one with a request in flight does', async ({ ns }) => {
  const script = `
    import { openChannel } from ${JSON.stringify(modules.channel)}
    const channels = await Promise.all([0, 12, 0].map((protocol) => openChannel({ protocol, netns: 3 })))
    const request = Buffer.from(${JSON.stringify([...message(RTM_GETLINK, NLM_F_DUMP, link(0), 1)])})
    void channels[0].exchange(request, true).then((reply) => console.log('answered', reply.datagrams.length > 0))`
  const { stdout, stderr, code } = await exec('sh', ['-c', `exec "$0" --input-type=module -e "$1" 3<${ns.path}`, process.execPath, script])
  assert.equal([stdout, stderr, code], ['answered true\n', '', 0])
})

kernelTest(test, 'channel: process.exit with open channels and requests in flight ends with that code', async ({ ns }) => {
  const script = `
    import { openChannel } from ${JSON.stringify(modules.channel)}
    const channels = await Promise.all([0, 12, 0].map((protocol) => openChannel({ protocol, netns: 3 })))
    const request = Buffer.from(${JSON.stringify([...message(RTM_GETLINK, NLM_F_DUMP, link(0), 1)])})
    for (let i = 0; i < 500; i++) void channels[0].exchange(request, true)
    process.exit(7)`
  for (let i = 0; i < 5; i++) {
    const { stderr, code } = await exec('sh', ['-c', `exec "$0" --input-type=module -e "$1" 3<${ns.path}`, process.execPath, script])
    assert.equal([stderr, code], ['', 7])
  }
})

kernelTest(test, 'channel: one that nobody refers to any more is closed by the collector', async ({ ns }) => {
  const script = `
    import { openChannel } from ${JSON.stringify(modules.channel)}
    import { fstatSync, readdirSync, readlinkSync } from 'node:fs'
    const there = 'net:[' + fstatSync(3).ino + ']'
    const namespace = (task) => { try { return readlinkSync('/proc/self/task/' + task + '/ns/net') } catch { return 'ended' } }
    const count = () => readdirSync('/proc/self/task').filter((task) => namespace(task) === there).length
    let kept = []
    for (let i = 0; i < 20; i++) kept.push(await openChannel({ protocol: 0, netns: 3 }))
    const during = count()
    kept = undefined
    for (let i = 0; i < 3000 && count() > 0; i++) { globalThis.gc(); await new Promise((resolve) => setTimeout(resolve, 10)) }
    console.log(during, count())`
  const { stdout, stderr, code } = await exec('sh', ['-c', `exec "$0" --expose-gc --input-type=module -e "$1" 3<${ns.path}`, process.execPath, script])
  assert.equal([stdout, stderr, code], ['20 0\n', '', 0])
})

kernelTest(test, 'channel: a worker that uses it may be terminated at any moment', async ({ ns }) => {
  const script = `
    const { workerData, parentPort } = require('node:worker_threads')
    import(workerData.native).then(async ({ native }) => {
      const addon = native()
      const channels = await Promise.all([0, 12, 0].map((protocol) => addon.channelOpen(protocol, workerData.netns, 1 << 20, 1 << 20)))
      parentPort.postMessage('ready')
      for (;;) await Promise.all([
        ...Array.from({ length: 20 }, () => addon.channelExchange(channels[0], workerData.request, true)),
        addon.filesRead(workerData.netns, ['/proc/net/dev', '/proc/sys/net/ipv4/ip_forward'], 4096), addon.ifindex(workerData.netns, 'lo'),
      ])
    })`
  const workerData = { native: modules.native, netns: ns.fd, request: new Uint8Array(message(RTM_GETLINK, NLM_F_DUMP, link(0), 1)) }
  for (let i = 0; i < 50; i++) {
    const worker = new Worker(script, { eval: true, workerData })
    if (i % 5 !== 0) await new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject) })
    if (i % 2 === 0) await sleep(i % 7)
    await worker.terminate()
  }
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  assert.is(all(await dumpLinks(channel)).at(-1)?.type, NLMSG_DONE)
})

kernelTest(test, 'channel: messages that another process sends to its socket are not taken for answers', async ({ ns }) => {
  await using channel = await openChannel({ protocol: NETLINK_ROUTE, netns: ns.fd })
  await must('cc', ['-o', '/run/forge', '-xc', '-'], { input: forge })
  const sockets = (await ns.must('cat', ['/proc/net/netlink'])).split('\n').slice(1).map((line) => line.trim().split(/\s+/))
  const ports = sockets.filter((columns) => columns[1] === '0' && columns[2] !== '0').map((columns) => String(columns[2]))
  assert.ok(ports.length > 0)
  for (const port of ports) await ns.must('/run/forge', [port])
  const seq = channel.sequence()
  assert.equal(all(await getLink(channel, 4711, seq)).map((one) => [one.seq, errno(one)]), [[seq, 19]])
  await must('rm', ['/run/forge'])
})

/** Sends an NLMSG_ERROR 0 (an acknowledgement) to the netlink port given. */
const forge = `
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>
int main (int argc, char **argv) {
  struct { struct nlmsghdr header; struct nlmsgerr error; } message = { { sizeof message, NLMSG_ERROR, 0, 1, 0 }, { 0 } };
  struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = argc > 1 ? strtoul(argv[1], 0, 10) : 0 };
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  return sendto(fd, &message, sizeof message, 0, (struct sockaddr *)&to, sizeof to) < 0;
}
`

test.run()
