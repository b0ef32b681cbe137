/**
 * Who needs IP forwarding, and what it was before, on disk: shared by all owners of a namespace, who write under its lock. One JSON value a line, so that
 * a network that comes or goes is one line more, however many there are:
 *
 *     {"boot":"…"}                          a file of another boot is void
 *     {"saved":[…],"restoring":[…]}         the last of these counts
 *     {"add":[{"owner":…,"bridge":…}]}
 *     {"remove":["virbr0"]}
 *
 * Where half of the lines say nothing any more, it is written anew.
 */
import { appendFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as v from 'valibot'
import type { ForwardingState } from '../kernel/forwarding.js'
import { editInside, readIfThere, removeFile, written } from './files.js'
import { identity } from './identity.js'

/** A network that uses forwarding. */
export interface User { readonly owner: string, readonly bridge: string, readonly ipv4: boolean, readonly ipv6: boolean }

/** What is on record. */
export interface ForwardingRecord {
  readonly saved: readonly ForwardingState[]
  /** Families that are being put back: a process that died half-way is not taken for somebody else's change. */
  readonly restoring: readonly (4 | 6)[]
  /** By bridge. */
  readonly users: ReadonlyMap<string, User>
  /** How many of them use each family. */
  readonly count: { readonly ipv4: number, readonly ipv6: number }
}

/** What becomes of it. Users are added last. */
export interface ForwardingChange {
  readonly state?: Pick<ForwardingRecord, 'saved' | 'restoring'>
  readonly remove?: readonly string[]
  readonly add?: readonly User[]
}

const sysctl = v.object({ path: v.string(), value: v.string() })
const family = v.picklist([4, 6])
const line = v.union([
  v.strictObject({ boot: v.string() }),
  v.strictObject({ saved: v.array(v.object({ family, on: v.boolean(), files: v.array(sysctl) })), restoring: v.array(family) }),
  v.strictObject({ add: v.array(v.object({ owner: v.string(), bridge: v.string(), ipv4: v.boolean(), ipv6: v.boolean() })) }),
  v.strictObject({ remove: v.array(v.string()) }),
])

/** So many lines more than users are left alone. */
const SPARE = 256

class Log {
  saved: readonly ForwardingState[] = []
  restoring: readonly (4 | 6)[] = []
  readonly users = new Map<string, User>()
  readonly count = { ipv4: 0, ipv6: 0 }
  /** Of the file that this is: nobody else has written to it while inode and size are the same. */
  mark = ''
  /** Who has the lock, since when: nobody else writes meanwhile. */
  session: object | undefined
  /** Entries in the file. */
  entries = 0
  /** The last line is the beginning of one, or some line is not ours: it cannot be gone on with. */
  torn = false

  apply ({ state, remove = [], add = [] }: ForwardingChange): void {
    if (state !== undefined) ({ saved: this.saved, restoring: this.restoring } = state)
    for (const bridge of remove) this.#forget(bridge)
    for (const user of add) {
      this.#forget(user.bridge)
      this.users.set(user.bridge, user)
      this.#count(user, 1)
    }
    this.entries += 1 + remove.length + add.length
  }

  #forget (bridge: string): void {
    const user = this.users.get(bridge)
    if (user === undefined) return
    this.users.delete(bridge)
    this.#count(user, -1)
  }

  #count ({ ipv4, ipv6 }: User, by: number): void {
    if (ipv4) this.count.ipv4 += by
    if (ipv6) this.count.ipv6 += by
  }
}

/** What was read last, by path: a host asks many times, and hardly anybody writes in between. */
const known = new Map<string, Log>()

async function markOf (path: string): Promise<string> {
  try {
    const { dev, ino, size, ctimeMs } = await stat(path)
    return [dev, ino, size, ctimeMs].join()
  } catch { return '' }
}

async function logOf (path: string, session: object | undefined): Promise<Log> {
  const before = known.get(path)
  if (session !== undefined && before?.session === session) return before
  const mark = await markOf(path)
  if (mark !== '' && before?.mark === mark) {
    before.session = session
    return before
  }
  const log = await parse(path)
  log.session = session
  log.mark = mark
  if (mark === '') known.delete(path)
  else known.set(path, log)
  return log
}

async function parse (path: string): Promise<Log> {
  const text = await readIfThere(path)
  const log = new Log()
  if (text === undefined) return log
  const lines = text.split('\n')
  log.torn = lines.pop() !== ''
  const { boot } = await identity()
  for (const [i, one] of lines.entries()) {
    const result = v.safeParse(line, parsed(one))
    if (!result.success) { log.torn = true; continue }
    const { output } = result
    if ('boot' in output) { if (output.boot !== boot) return torn() } else if (i === 0) return torn()
    else if ('saved' in output) log.apply({ state: output })
    else log.apply(output)
  }
  return log
}

function torn (): Log {
  const log = new Log()
  log.torn = true
  return log
}

function parsed (text: string): unknown {
  try { return JSON.parse(text) } catch { return undefined }
}

/** Reads it; costs one look at the file where nobody else has written to it. Callers hold the namespace's lock; `session`: always the same as long as they do, then it is looked at once. */
export async function readForwarding (path: string, session?: object): Promise<ForwardingRecord> { return await logOf(path, session) }

/** Writes a change down. The file goes with the last of what it holds. */
export async function changeForwarding (path: string, change: ForwardingChange, session?: object): Promise<void> {
  const log = await logOf(path, session)
  const text = [...change.state === undefined ? [] : [{ saved: change.state.saved, restoring: change.state.restoring }], ...change.remove === undefined ? [] : [{ remove: change.remove }], ...change.add === undefined ? [] : [{ add: change.add }]].map((one) => `${JSON.stringify(one)}\n`).join('')
  const first = log.mark === ''
  known.delete(path) // until it is on disk, nobody knows what is
  log.apply(change)
  if (log.saved.length === 0 && log.users.size === 0) { await removeFile(path); return }
  if (first || log.torn || log.entries > 2 * log.users.size + SPARE) await rewrite(path, log)
  else await appendFile(path, text)
  log.mark = await markOf(path)
  known.set(path, log)
}

async function rewrite (path: string, log: Log): Promise<void> {
  const lines = [{ boot: (await identity()).boot }, { saved: log.saved, restoring: log.restoring }, { add: [...log.users.values()] }]
  await editInside(dirname(path), [written(path, lines.map((one) => `${JSON.stringify(one)}\n`).join(''))])
  log.entries = log.users.size
  log.torn = false
}
