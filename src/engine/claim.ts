/**
 * One owner keeps its networks of a namespace below one root. Two would take each other's firewall away: an owner has one nft table, and whoever
 * has no network on its books takes the table's elements for left over. Callers hold the namespace's lock, which all roots share.
 *
 * The claim says below which root, and who has had the lock last: as long as it is the same book, nobody else has changed what is on record.
 */
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { NetwrightError } from '../errors.js'
import type { Context } from './context.js'
import type { FileChange } from '../netlink/native.js'
import { absent, edit, listEach, readIfThere, written } from './files.js'

/** `run`: where the records are; `mark`: whose book was at them last. */
export interface Claim { readonly run: string, readonly mark: string }

/** A mark has always so many characters: one is written over the other. */
export const MARK = 24

/** undefined where there is no claim. */
export const parseClaim = (text: string | undefined): Claim | undefined => text === undefined ? undefined : { mark: text.slice(0, MARK), run: text.slice(MARK + 1) }
export async function readClaim (path: string): Promise<Claim | undefined> { return parseClaim(await readIfThere(path)) }

/** Over the one before, in place: it needs no room on the disk, and whoever reads half of it knows it for nobody's. */
export const markOver = (path: string, mark: string): FileChange => ({ kind: 'beginning', path, data: mark })

/** Throws NETWRIGHT_NAME_IN_USE where networks of this owner are recorded below another root. A claim with no records behind it is void. */
export async function claimable ({ owner, book, places: { run } }: Context): Promise<void> {
  const other = book.found
  if (book.claimed) return
  if (other === undefined || other.run === run || !await inUse(other.run) || await same(other.run, run)) return
  throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `owner ${owner} has networks in this namespace already, recorded in ${other.run}`, {
    conflict: { kind: 'owner', name: owner, detail: other.run }, remedy: 'use the root that they were made with, or another owner',
  })
}

/** Written with the first intent of a network, after it, so that whoever undoes it removes the claim too. */
export const claimAs = (path: string, { mark, run }: Claim): FileChange => written(path, `${mark}\n${run}`)

/** When the last record of this owner is about to go; a claim of another root stays. */
export async function unclaim ({ book, places: { run, claim: path } }: Context): Promise<void> {
  if (!book.claimed && (await readClaim(path))?.run !== run) return
  book.claimed = false
  await edit([absent(path)])
}

const inUse = async (run: string): Promise<boolean> => (await listEach(['journal', 'standing'].map((name) => join(run, name)))).flat().some((name) => name.endsWith('.json'))

const same = async (a: string, b: string): Promise<boolean> => {
  const [one, other] = await Promise.all([a, b].map(async (path) => await realpath(path).catch(() => path)))
  return one === other
}
