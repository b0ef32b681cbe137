/** What the kernel tests of dnsmasq stand on. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { dnsmasqFiles, type DnsmasqFiles } from '../../src/dnsmasq/place.js'
import { prepareDnsmasq, type Prepared } from '../../src/dnsmasq/prepare.js'
import { startDnsmasq, type StartDnsmasq } from '../../src/dnsmasq/process.js'
import type { Running } from '../../src/dnsmasq/running.js'
import { dnsmasqUser } from '../../src/dnsmasq/user.js'
import type { Definition } from '../../src/network/spec.js'
import type { KernelTest, Namespace } from '../harness/kernel-test.js'

/** A nat network with leases, a static one, a name and a text. */
export const definition = (parts: Partial<Definition> = {}): Definition => ({
  name: 'red', uuid: '8f0dbcb9-0f8b-4c32-9d11-0f23c9f7a2b1', mac: '52:54:00:00:00:01', forward: { mode: 'nat' }, bridge: { name: 'br0', stp: false, delay: 0 },
  domain: { name: 'red.test', localOnly: true }, dns: { host: [{ ip: '192.0.2.77', hostname: ['fixed'] }], txt: [{ name: 'note.red.test', value: 'a, "b"' }] },
  ip: [{ address: '10.9.0.1', prefix: 24, dhcp: { range: [{ start: '10.9.0.100', end: '10.9.0.110' }], host: [{ mac: '52:54:00:00:00:aa', name: 'static', ip: '10.9.0.7' }] } }],
  ...parts,
})

export interface Bed { readonly files: DnsmasqFiles, readonly prepared: Prepared, readonly options: StartDnsmasq }

/** The bridge with its addresses, made with ip. */
export async function bridge (ns: Namespace, wanted: Definition): Promise<void> {
  await ns.must('ip', ['link', 'add', wanted.bridge.name, 'type', 'bridge'])
  for (const ip of wanted.ip) await ns.must('ip', ['addr', 'add', `${ip.address}/${String(ip.prefix ?? 24)}`, 'dev', wanted.bridge.name, ...ip.address.includes(':') ? ['nodad'] : []])
  await ns.must('ip', ['link', 'set', wanted.bridge.name, 'up'])
}

/** Everything but the start. */
export async function prepared (tmp: string, ns: Namespace, wanted: Definition): Promise<Bed> {
  const files = dnsmasqFiles(join(tmp, 'run'), join(tmp, 'leases'), 'red')
  const resolv = join(tmp, 'resolv.conf')
  await writeFile(resolv, 'nameserver 10.9.0.1\n')
  const done = await prepareDnsmasq(wanted, files, await dnsmasqUser(), resolv)
  return { files, prepared: done, options: { configPath: files.config, logPath: files.log, netns: ns.fd, ready: done.ready, hash: done.hash } }
}

/** Bridge, files, dnsmasq; stopped and checked to be gone at the end. */
export async function withDnsmasq (context: KernelTest, wanted: Definition, body: (bed: Bed & { running: Running }) => Promise<void>): Promise<void> {
  await bridge(context.ns, wanted)
  const bed = await prepared(context.tmp, context.ns, wanted)
  const running = await startDnsmasq(bed.options)
  try { await body({ ...bed, running }) } finally { await running.stop() }
  assert.is((await context.ns.exec('kill', ['-0', String(running.pid)])).code, 1, 'dnsmasq is gone and reaped')
  await context.ns.must('ip', ['link', 'del', wanted.bridge.name])
}
