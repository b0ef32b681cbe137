/** libvirt's own documents: for each, the options that libvirt 9 writes, compared as sets with ours. The data stays where it lies, beside the checkout. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError } from '../../../src/errors.js'
import { dnsmasqConfig, type Place } from '../../../src/dnsmasq/config.js'
import { complete } from '../../../src/network/complete.js'
import { readNetworkXml } from '../../../src/network/xml/read.js'
import { skipLine } from '../../harness/needs.js'

const data = new URL('../../../../../shared/conformance/libvirt/confdata/', import.meta.url)
const place: Place = { hosts: '/d/hosts', addnhosts: '/d/addnhosts', servers: '/d/servers', leases: '/d/leases' }

/** Of libvirt's and not ours: how it binds, and its paths. */
const theirs = /^(?:bind-dynamic|dhcp-hostsfile=.*|addn-hosts=.*)$/
/** Ours and not libvirt's: how we bind, paths, log, leases in dnsmasq's own file, hardening. config.ts says why. */
const ours = /^(?:bind-interfaces|pid-file=|log-facility=-|no-hosts|no-ping|quiet-(?:dhcp6?|ra)|dhcp-name-match=.*|dhcp-ignore-names=.*|dhcp-hostsfile=.*|addn-hosts=.*|dhcp-leasefile=.*)$/
/** Documents with elements that this version refuses: `<tftp>`, `<bootp>`. */
const refused = new Set(['netboot-network', 'netboot-tftp'])

function options (text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

/** libvirt's `no-resolv` means "no servers of the host's"; ours is always there, and the host's servers come by `servers-file`. */
function meaning (lines: readonly string[]): string[] {
  const servers = lines.some((line) => line.startsWith('servers-file='))
  return lines.filter((line) => !line.startsWith('servers-file=') && !(servers && line === 'no-resolv')).sort()
}

function compare (name: string): void {
  const spec = readNetworkXml(readFileSync(new URL(`${name}.xml`, data), 'utf8'))
  const config = dnsmasqConfig(complete(spec, { uuid: '8f0dbcb9-0f8b-4c32-9d11-0f23c9f7a2b1', mac: '52:54:00:00:00:01', bridge: spec.bridge.name ?? 'virbr0' }), place)
  const expected = options(readFileSync(new URL(`${name}.conf`, data), 'utf8')).filter((line) => !theirs.test(line))
  const got = meaning(options(config.text).filter((line) => !ours.test(line)))
  // Without names there is nobody to ask: no servers, which libvirt does not bother to say.
  assert.equal(got, [...expected, ...got.includes('port=0') ? ['no-resolv'] : []].sort(), name)
  const hosts = new URL(`${name}.hostsfile`, data)
  assert.equal(options(config.hosts), existsSync(hosts) ? options(readFileSync(hosts, 'utf8')) : [], `${name}.hostsfile`)
}

const names = existsSync(data) ? readdirSync(data).filter((file) => file.endsWith('.conf')).map((file) => file.slice(0, -'.conf'.length)) : []
for (const name of names) {
  if (refused.has(name)) test(`conformance: ${name} is refused by name, not misread`, () => { assert.throws(() => { compare(name) }, (error: unknown) => error instanceof InputError && /tftp|bootp/.test(error.message)) })
  else test(`conformance: ${name} gives libvirt's options`, () => { compare(name) })
}
if (names.length === 0) {
  const name = 'conformance: libvirt\'s documents give libvirt\'s options'
  process.stdout.write(skipLine('libvirt-documents', name))
  test.skip(name)
}

test.run()
