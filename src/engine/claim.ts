/**
 * One owner keeps its networks of a namespace below one root. Two would take each other's firewall away: an owner has one nft table, and whoever
 * has no network on its books takes the table's elements for left over. Callers hold the namespace's lock, which all roots share.
 */
import { realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { NetwrightError } from '../errors.js'
import type { Context } from './context.js'
import { makeDirectory, namesIn, readIfThere, removeFile, writeAtomic } from './files.js'

/** Throws NETWRIGHT_NAME_IN_USE where networks of this owner are recorded below another root. A claim with no records behind it is void. */
export async function claimable ({ owner, places: { run, claim: path } }: Context): Promise<void> {
  const other = await readIfThere(path)
  if (other === undefined || other === run || !await inUse(other) || await same(other, run)) return
  throw new NetwrightError('NETWRIGHT_NAME_IN_USE', `owner ${owner} has networks in this namespace already, recorded in ${other}`, {
    conflict: { kind: 'owner', name: owner, detail: other }, remedy: 'use the root that they were made with, or another owner',
  })
}

/** After the intent, so that whoever undoes it removes the claim too. */
export async function claim ({ places: { run, claim: path } }: Context): Promise<void> {
  if (await readIfThere(path) === run) return
  await makeDirectory(dirname(path))
  await writeAtomic(path, run, { durable: false })
}

/** When the last record of this owner is about to go; a claim of another root stays. */
export async function unclaim ({ places: { run, claim: path } }: Context): Promise<void> {
  if (await readIfThere(path) === run) await removeFile(path)
}

const inUse = async (run: string): Promise<boolean> => (await Promise.all(['journal', 'standing'].map(async (name) => await namesIn(join(run, name))))).flat().some((name) => name.endsWith('.json'))

const same = async (a: string, b: string): Promise<boolean> => {
  const [one, other] = await Promise.all([a, b].map(async (path) => await realpath(path).catch(() => path)))
  return one === other
}
