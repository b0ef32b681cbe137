/** A look at what networks there are, from files alone: no socket, no lock, and none of the code that changes anything. */
import { access } from 'node:fs/promises'
import { missingCapabilities } from '../kernel/capabilities.js'
import { silent } from '../log.js'
import type { HostOptions, NetworkInfo } from './api.js'
import { Book } from './book.js'
import type { Context } from './context.js'
import { namesIn } from './files.js'
import { lives } from './identity.js'
import { infoOf, inventory } from './inventory.js'
import { adopt } from './note.js'
import { site } from './site.js'
import { Store } from './store.js'
import { typed } from './system-error.js'

type Seen = Pick<Context, 'places' | 'netns' | 'store' | 'book'>

/**
 * All networks, as an open host lists them. Undefined where a dead process may have left something: a host finishes or undoes that first.
 * Throws what `openHost` throws.
 */
export async function look (options: HostOptions): Promise<NetworkInfo[] | undefined> {
  const { owner, netns, places } = await site(options)
  try {
    return await typed(async () => {
      const logger = (options.logger ?? silent).child({ owner })
      const seen: Seen = { places, netns, store: new Store(places.networks, logger), book: new Book(places) }
      if (missingCapabilities('network').length === 0 && !await orderly(seen)) return undefined
      const [entries, autostarted] = await Promise.all([inventory(seen), seen.store.autostarted()])
      const daemons = { isDown: async (name: string) => await isDown(seen, name) }
      return await Promise.all(entries.map(async (entry) => await infoOf(entry, autostarted, daemons)))
    })
  } finally { netns.close() }
}

/** Nobody is at anything, and nobody who was has died over it: no lock is there, nothing written in the journal or half written elsewhere, no empty directory. */
async function orderly ({ places, store, book }: Seen): Promise<boolean> {
  const [locked, owned, complaints, run] = await Promise.all([places.lock, places.ownerLock, places.complaints, places.run].map(isThere))
  if (locked === true || owned === true || complaints === true) return false
  const [journal, graves] = await Promise.all([places.journal, places.graves].map(namesIn))
  if (journal?.length !== 0 || graves?.length !== 0) return false
  if (await book.littered() || await store.littered()) return false
  const standing = await book.standing()
  for (const { lifetime, process } of standing) if (lifetime !== undefined && !await lives(process)) return false
  return standing.length > 0 || run === false
}

const isThere = async (path: string): Promise<boolean> => await access(path).then(() => true, () => false)

async function isDown (seen: Seen, name: string): Promise<boolean> {
  const running = await adopt(seen, name)
  running?.release()
  return running === undefined
}
