/** Where the unit lies, and what is there. */
import { lstat, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Given } from '../globals.js'
import { placeOf } from '../globals.js'
import { Failure } from '../failure.js'
import { mark, unitName } from './unit.js'

export interface UnitPlace {
  readonly owner: string | undefined
  /** Below which everything is laid; undefined for this system itself. */
  readonly root: string | undefined
  readonly name: string
  /** ROOT/etc/systemd/system/netwright.service */
  readonly path: string
  /** ROOT/etc/systemd/system/multi-user.target.wants/netwright.service */
  readonly link: string
  /** What the link says: as `systemctl enable` makes it. */
  readonly target: string
}

const directory = '/etc/systemd/system'

/** The place that the global options name. A unit runs at boot, in no namespace but the system's. */
export function unitPlace (given: Given, environment: Readonly<Record<string, string | undefined>>): UnitPlace {
  const { root, netns, owner } = placeOf(given, environment)
  if (netns !== undefined) throw new Failure({ driver: 'a service starts networks at boot, when no other network namespace is there: --netns makes no sense' })
  const name = unitName(owner)
  const below = (path: string): string => root === undefined ? path : join(root, path)
  return { owner, root, name, path: below(join(directory, name)), link: below(join(directory, 'multi-user.target.wants', name)), target: join(directory, name) }
}

const missing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** The unit's text; undefined where there is none. Throws where somebody else's file has the name. */
export async function unitThere ({ path }: UnitPlace): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (missing(error)) return undefined
    throw error
  })
  if (text !== undefined && !text.startsWith(mark)) throw new Failure({ driver: `${path} was not written by netwright`, remedy: 'move it away if it is not needed' })
  return text
}

/** Whether the unit is enabled. Throws where the link is something else. */
export async function enabled ({ link, target, path }: UnitPlace): Promise<boolean> {
  const found = await lstat(link).catch((error: unknown) => {
    if (missing(error)) return undefined
    throw error
  })
  if (found === undefined) return false
  const points = found.isSymbolicLink() ? await readlink(link) : undefined
  if (points !== target && points !== path && points !== join('..', target.slice(directory.length + 1))) throw new Failure({ driver: `${link} is not a link to ${target}`, remedy: 'move it away if it is not needed' })
  return true
}
