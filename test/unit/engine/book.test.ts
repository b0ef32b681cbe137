/** The books of one owner, as several hosts read and write them at the same moment. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Book } from '../../../src/engine/book.js'
import { inventory } from '../../../src/engine/inventory.js'
import { places } from '../../../src/engine/places.js'
import type { BatchRecord, NetworkRecord } from '../../../src/engine/record.js'
import { Store } from '../../../src/engine/store.js'
import { silent } from '../../../src/log.js'
import { checkNetwork } from '../../../src/network/check.js'
import { complete } from '../../../src/network/complete.js'
import { expand } from '../../../src/network/expand.js'

/** A host, as far as files go. */
interface Clerk { readonly book: Book, readonly places: ReturnType<typeof places>, readonly store: Store }

async function clerks (work: (one: Clerk, other: Clerk) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'netwright-book-'))
  const at = places(root, 'system', { id: '7', initial: false }, join(root, 'run/netwright'))
  const clerk = (): Clerk => ({ book: new Book(at), places: at, store: new Store(at.networks, silent) })
  try { await work(clerk(), clerk()) } finally { await rm(root, { recursive: true }) }
}

function network (name: string, index: number): NetworkRecord {
  const definition = complete(checkNetwork({ name, forward: 'none', ip: [{ address: `10.7.${String(index)}.1`, prefix: 24 }] }), { uuid: `00000000-0000-4000-8000-0000000000${String(index)}`, mac: '52:54:00:00:00:01', bridge: `br${String(index)}` })
  const { links: [bridge], ...rest } = expand(definition, { index, group: 5 })
  if (bridge === undefined) throw new Error('no bridge')
  return { definition, bridge, ...rest, dnsmasq: false }
}

/** As under the lock. */
async function stands (clerk: Clerk, ...networks: readonly NetworkRecord[]): Promise<BatchRecord> {
  await clerk.book.enter()
  const record = await clerk.book.intend('create', { networks })
  await clerk.book.stand(record)
  clerk.book.leave()
  return record
}

const names = ({ book }: Clerk): Promise<string[]> => book.look().then((ledger) => [...ledger.names()].sort())

test('book: whoever looks while the lock is being taken sees what another host has made meanwhile', async () => {
  await clerks(async (one, other) => {
    await stands(one, network('a', 10))
    assert.equal(await names(one), ['a'])
    await stands(other, network('b', 11))
    const entering = one.book.enter()
    const seen = await names(one)
    await entering
    assert.equal(seen, ['a', 'b'])
    assert.equal(await names(one), ['a', 'b'])
    one.book.leave()
  })
})

test('book: whoever looks at any moment while the lock is being taken sees it', async () => {
  await clerks(async (one, other) => {
    await stands(one, network('a', 10))
    for (let round = 0; round < 10; round++) {
      const record = await stands(other, network('b', 11))
      const looks: Promise<string[]>[] = []
      let entered = false
      const entering = one.book.enter().then(() => { entered = true })
      while (!(entered as boolean)) {
        looks.push(names(one))
        await new Promise((resolve) => { setImmediate(resolve) })
      }
      await entering
      one.book.leave()
      for (const seen of await Promise.all(looks)) assert.equal(seen, ['a', 'b'])
      await other.book.enter()
      await other.book.gone(record)
      other.book.leave()
    }
  })
})

test('book: what is gone of a batch takes no room on the disk, and others read it', async () => {
  await clerks(async (one, other) => {
    const all = [10, 11, 12, 13, 14].map((index) => network(`n${String(index)}`, index))
    await stands(one, ...all)
    for (const [i, going] of all.slice(0, 2).entries()) {
      await one.book.enter()
      await one.book.gone(await one.book.intend('stop', { networks: [going], removal: true }))
      one.book.leave()
      const files = await readdir(one.places.standing)
      const sizes = await Promise.all(files.filter((name) => name.endsWith('.gone')).map(async (name) => (await stat(join(one.places.standing, name))).size))
      assert.equal(sizes, Array.from({ length: i + 1 }, () => 0))
    }
    assert.equal(await names(other), ['n12', 'n13', 'n14'])
    await other.book.enter()
    await other.book.gone(await other.book.intend('stop', { networks: all.slice(2), removal: true }))
    other.book.leave()
    assert.equal(await names(one), [])
    assert.equal(await readdir(one.places.standing).catch(() => []), [])
  })
})

test('inventory: a network whose removal by another host ends while it is looked at is gone, and does not run again', async () => {
  await clerks(async (one, other) => {
    const { networks } = await stands(one, network('a', 10))
    await other.book.enter()
    const removal = await other.book.intend('stop', { networks, removal: true })
    assert.equal(await inventory(one), [], 'it is on its way')
    // Whatever was read first, the removal ends before the journal is.
    const ends = async (): Promise<readonly BatchRecord[]> => {
      await one.book.look()
      await other.book.gone(removal)
      return await one.book.underway()
    }
    const book = Object.create(one.book, { underway: { value: ends }, look: { value: async () => await one.book.look() } }) as Book
    assert.equal(await inventory({ ...one, book }), [])
    other.book.leave()
  })
})

test.run()
