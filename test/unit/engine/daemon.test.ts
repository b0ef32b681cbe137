/** What is around a dnsmasq, as files. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exclusively } from '../../../src/engine/daemon.js'
import { makeDirectory, writeAtomic } from '../../../src/engine/files.js'
import { places } from '../../../src/engine/places.js'
import { Tallies } from '../../../src/engine/tallies.js'

test('dnsmasq: whoever wants to start it again where its network has stopped meanwhile leaves no directory', async () => {
  const root = await mkdtemp(join(tmpdir(), 'netwright-daemon-'))
  const context = { places: places(root, 'system', { id: '7', initial: false }, join(root, 'shared')), tallies: new Tallies({ owner: 'system', netns: '7' }), lockTimeout: 1000 }
  const { dnsmasq } = context.places
  const stopped = async (): Promise<never> => { throw new Error(`stopped: ${(await readdir(dnsmasq)).join()}`) }
  try {
    assert.is(await exclusively(context, 'red', undefined, stopped).catch((error: unknown) => (error as Error).message), 'stopped: red.lock')
    assert.equal(await readdir(join(root, 'run')), [])
    await makeDirectory(dnsmasq)
    await writeAtomic(join(dnsmasq, 'blue.conf'), '', { durable: false })
    await exclusively(context, 'red', undefined, async () => { await Promise.resolve() })
    assert.equal(await readdir(dnsmasq), ['blue.conf'], 'another network\'s stays')
  } finally { await rm(root, { recursive: true }) }
})

test.run()
