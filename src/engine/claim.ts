/**
 * One owner keeps its networks of a namespace below one root. Two would take each other's firewall away: an owner has one nft table, and whoever
 * has no network on its books takes the table's elements for left over. Callers hold the namespace's lock, which all roots share.
 *
 * The claim says below which root, and who has had the lock last: as long as it is the same book, nobody else has changed what is on record.
 */
import { open, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { NetwrightError } from '../errors.js'
import type { Context } from './context.js'
import { inside, isMissing, namesIn, readIfThere, removeFile, writeAtomic } from './files.js'

/** `run`: where the records are; `mark`: whose book was at them last. */
export interface Claim { readonly run: string, readonly mark: string }

/** A mark has always so many characters: one is written over the other. */
export const MARK = 24

/** undefined where there is no claim. */
export async function readClaim (path: string): Promise<Claim | undefined> {
  const text = await readIfThere(path)
  if (text === undefined) return undefined
  return { mark: text.slice(0, MARK), run: text.slice(MARK + 1) }
}

/** Over the one before, in place: it needs no room on the disk, and whoever reads half of it knows it for nobody's. */
export async function writeMark (path: string, mark: string): Promise<void> {
  try {
    const file = await open(path, 'r+')
    try { await file.write(mark, 0, 'latin1') } finally { await file.close() }
  } catch (error) { if (!isMissing(error)) throw error }
}

/** Throws NETWRIGHT_NAME_IN_USE where networks of this owner are recorded below another root. A claim with no records behind it is void. */
export async function claimable ({ owner, book, places: { run, claim: path } }: Context): Promise<void> {
  if (book.claimed) return
  const other = await readClaim(path)
  if (other === undefined || other.run === run || !await inUse(other.run) || await same(other.run, run)) return
  throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `owner ${owner} has networks in this namespace already, recorded in ${other.run}`, {
    conflict: { kind: 'owner', name: owner, detail: other.run }, remedy: 'use the root that they were made with, or another owner',
  })
}

/** After the intent, so that whoever undoes it removes the claim too. */
export async function claim ({ book, places: { run, claim: path } }: Pick<Context, 'book' | 'places'>): Promise<void> {
  if (book.claimed) return
  await inside(dirname(path), async () => { await writeAtomic(path, `${book.mark}\n${run}`, { durable: false }) })
  book.claimed = true
}

/** When the last record of this owner is about to go; a claim of another root stays. */
export async function unclaim ({ book, places: { run, claim: path } }: Context): Promise<void> {
  if ((await readClaim(path))?.run !== run) return
  book.claimed = false
  await removeFile(path)
}

const inUse = async (run: string): Promise<boolean> => (await Promise.all(['journal', 'standing'].map(async (name) => await namesIn(join(run, name))))).flat().some((name) => name.endsWith('.json'))

const same = async (a: string, b: string): Promise<boolean> => {
  const [one, other] = await Promise.all([a, b].map(async (path) => await realpath(path).catch(() => path)))
  return one === other
}
