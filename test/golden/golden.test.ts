/**
 * Every folder here is a case: `network.xml` and what must become of it, compared whole. Nothing is filled in that chance would choose.
 * After a wanted change run with NETWRIGHT_UPDATE_GOLDEN=1 and read the diff.
 */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dnsmasqConfig, needsDnsmasq } from '../../src/dnsmasq/config.js'
import { checkNetwork } from '../../src/network/check.js'
import { renderNft, renderObjects } from '../../src/network/render.js'
import type { NetworkSpec } from '../../src/network/spec.js'
import { readNetworkXml } from '../../src/network/xml/read.js'
import { networkXml } from '../../src/network/xml/write.js'

const root = fileURLToPath(new URL('../../../test/golden/', import.meta.url))
const update = process.env['NETWRIGHT_UPDATE_GOLDEN'] === '1'
const place = { hosts: '/run/x.hosts', addnhosts: '/run/x.addnhosts', servers: '/run/x.servers', leases: '/var/lib/x.leases', user: 'dnsmasq' }

/** Undefined: the case has no such file. */
function dnsmasq (spec: NetworkSpec): string | undefined {
  // What dnsmasq is told is for a bridge that exists; the first free name stands for one that nobody chose.
  const named = { ...spec, bridge: { ...spec.bridge, name: spec.bridge.name ?? 'virbr0' } }
  return needsDnsmasq(spec) ? dnsmasqConfig(named, place).text : undefined
}

const columns: readonly (readonly [file: string, render: (spec: NetworkSpec) => string | undefined])[] = [
  ['normalised.xml', networkXml],
  ['objects.json', (spec) => `[\n${renderObjects(spec).map((object) => `  ${JSON.stringify(object)}`).join(',\n')}\n]\n`],
  ['ruleset.nft', (spec) => renderNft(spec)],
  ['dnsmasq.conf', dnsmasq],
]

async function text (path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

async function compare (path: string, actual: string | undefined): Promise<void> {
  const expected = await text(path)
  if (update && actual !== expected) {
    if (actual === undefined) await rm(path)
    else await writeFile(path, actual)
    process.stdout.write(`updated ${path.slice(root.length)}\n`)
    return
  }
  if (actual === undefined || expected === undefined) assert.is(actual, expected)
  else assert.fixture(actual, expected)
}

const cases = (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort()

for (const name of cases) {
  const source = await readFile(`${root}${name}/network.xml`, 'utf8')
  for (const [file, render] of columns) {
    test(`golden: ${name} becomes ${file}`, async () => { await compare(`${root}${name}/${file}`, render(readNetworkXml(source))) })
  }
  test(`golden: ${name} is the same again from its own normal form, as XML and as JSON`, () => {
    const spec = readNetworkXml(source)
    assert.equal(readNetworkXml(networkXml(spec)), spec)
    assert.equal(checkNetwork(JSON.parse(JSON.stringify(spec))), spec)
  })
}

test('golden: all cases are there', () => { assert.ok(cases.length >= 9, cases.join(' ')) })

test.run()
