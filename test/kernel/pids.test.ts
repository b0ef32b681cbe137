/** Guests' sides of veth pairs in the namespaces of processes. */
import { readFile } from 'node:fs/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NetwrightError } from '../../src/index.js'
import { ping } from '../harness/guest.js'
import { kernelTest } from '../harness/kernel-test.js'
import { host } from './bed.js'

const red = { name: 'red', bridge: 'red0', forward: 'nat', dns: { enable: false }, ip: [{ address: '10.7.0.1', prefix: 24 }] } as const

async function codeOf (promise: Promise<unknown>): Promise<string | undefined> {
  const error = await promise.then(() => undefined, (e: unknown) => e)
  return error instanceof NetwrightError ? error.code : error instanceof Error ? error.message : undefined
}

/** Field 22 of /proc/PID/stat. */
const started = async (pid: number): Promise<string> => (await readFile(`/proc/${String(pid)}/stat`, 'latin1')).replace(/^.*\) /, '').split(' ')[19] ?? ''

kernelTest(test, 'pids: a container is given its interface by a process of it, and only while that is the process that was meant', async (bed) => {
  const { ns } = bed
  await using open = await host(bed)
  await using net = await open.create(red)
  const container = await ns.add()
  const inside = container.spawn('sh', ['-c', 'echo here; exec sleep 600'])
  await inside.until(/here/)
  const { pid } = inside
  const port = await net.attach({ kind: 'veth', netns: { pid, started: await started(pid) }, address: '10.7.0.2', defaultRoute: true })
  assert.ok(await ping(container, '10.7.0.1'))
  assert.equal((await container.json<{ dst: string, gateway?: string }[]>('ip', ['-j', 'route'])).map(({ dst, gateway }) => [dst, gateway]), [['default', '10.7.0.1'], ['10.7.0.0/24', undefined]])
  await port.detach()
  await (await net.attach({ kind: 'veth', netns: pid })).detach()

  // What a bridge has for a carrier the kernel notices a moment later.
  const links = async (): Promise<string[]> => (await ns.json<{ ifname: string, ifindex: number }[]>('ip', ['-j', 'link'])).map(({ ifname, ifindex }) => `${String(ifindex)} ${ifname}`)
  const before = await links()
  assert.is(await codeOf(net.attach({ kind: 'veth', netns: { pid, started: '1' } })), 'NETWRIGHT_NO_NAMESPACE')
  // @ts-expect-error -- no process
  assert.is(await codeOf(net.attach({ kind: 'veth', netns: { name: 'x' } })), 'NETWRIGHT_INVALID')
  const beside = ns.spawn('sh', ['-c', 'echo here; exec sleep 600'])
  await beside.until(/here/)
  assert.is(await codeOf(net.attach({ kind: 'veth', netns: { pid: beside.pid } })), 'NETWRIGHT_NO_NAMESPACE') // it lives in the host's
  await inside.stop('SIGKILL')
  assert.is(await codeOf(net.attach({ kind: 'veth', netns: { pid } })), 'NETWRIGHT_NO_NAMESPACE')
  assert.equal(await links(), before)
})

test.run()
