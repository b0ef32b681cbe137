/** Where a host works: whose networks, in which namespace, below which files. Loads no more than that takes. */
import { stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { InputError, type Issue } from '../errors.js'
import { missingCapabilities, requireCapabilities } from '../kernel/capabilities.js'
import { openNetns, type Netns } from '../kernel/netns.js'
import { parseCidr } from '../values/cidr.js'
import type { HostOptions } from './api.js'
import { places, type Places } from './places.js'

/** Shared by all owners of a namespace, whatever their roots: see places.ts. */
const SHARED = '/run/netwright'

export interface Site {
  readonly owner: string
  readonly root: string
  /** Open; the caller's to close. */
  readonly netns: Netns
  readonly places: Places
}

/** What is wrong with options of the right kinds. */
type Complaints = (options: HostOptions) => readonly Issue[]

/** Checks the options and opens the namespace that they name; `found` is what others have to say against them. Throws NETWRIGHT_INVALID, NETWRIGHT_NO_NAMESPACE, NETWRIGHT_NO_PERMISSION, NETWRIGHT_ADDON_MISSING. */
export async function site (options: HostOptions, found: Complaints = () => []): Promise<Site> {
  const { owner, root } = checked(options, found)
  const netns = await opened(options.netns)
  return { owner, root, netns, places: places(root, owner, { id: netns.id, initial: await isInitial(netns) }, SHARED) }
}

/** Without CAP_SYS_ADMIN nobody may enter a namespace, not even the one where it is: then our own needs no entering. Throws NETWRIGHT_NO_PERMISSION for another. */
async function opened (where: string | number | undefined): Promise<Netns> {
  if (where !== undefined) requireCapabilities('namespace')
  const netns = await openNetns(where)
  return missingCapabilities('namespace').includes('CAP_SYS_ADMIN') ? { ...netns, fd: -1 } : netns
}

/** What each option is. Others are not looked at: an object may carry more than is asked for, as the compiler allows. */
const KINDS = { owner: ['string'], root: ['string'], netns: ['string', 'number'], logger: ['object'], pools: ['object'], lockTimeout: ['number'], resolvConf: ['string'], supervise: ['boolean'], thread: ['boolean'], recycle: ['object'], lifetime: ['string'], signal: ['object'] } as const satisfies Record<keyof HostOptions, readonly string[]>

/** What the compiler says to those who ask it. Throws NETWRIGHT_INVALID. */
function checkKinds (options: unknown): void {
  if (typeof options !== 'object' || options === null) throw new InputError([{ path: 'options', message: 'not an object' }])
  const kinds = new Map<string, readonly string[]>(Object.entries(KINDS))
  const issues = Object.entries(options).flatMap(([path, value]: [string, unknown]) => {
    const wanted = kinds.get(path)
    return wanted === undefined || value === undefined || (value !== null && wanted.includes(typeof value)) ? [] : [{ path, message: `expected ${wanted.map((kind) => `${kind === 'object' ? 'an' : 'a'} ${kind}`).join(' or ')}` }]
  })
  if (issues.length > 0) throw new InputError(issues)
}

function checked (options: HostOptions, found: Complaints): { readonly owner: string, readonly root: string } {
  checkKinds(options)
  const { owner = 'system', root = '/', pools = [], lockTimeout = 0, lifetime = 'unlimited' } = options
  const issues = [...found(options)]
  if (!/^[A-Za-z0-9_][A-Za-z0-9_-]{0,31}$/.test(owner) || owner === 'guard') issues.push({ path: 'owner', message: `${JSON.stringify(owner)} is not an owner: 1 to 32 letters, digits, _ and -, and not "guard"` })
  if (!isAbsolute(root) || root.includes('\0')) issues.push({ path: 'root', message: `${JSON.stringify(root)} is not an absolute path` })
  if (!['process', 'unlimited'].includes(lifetime)) issues.push({ path: 'lifetime', message: `${JSON.stringify(lifetime)} is not a lifetime: process, unlimited` })
  if (!Number.isFinite(lockTimeout) || lockTimeout < 0) issues.push({ path: 'lockTimeout', message: 'not a number of milliseconds' })
  for (const [i, pool] of pools.entries()) {
    try { parseCidr(pool) } catch (error) {
      if (!(error instanceof InputError)) throw error
      issues.push({ path: `pools[${String(i)}]`, message: error.message })
    }
  }
  if (issues.length > 0) throw new InputError(issues)
  return { owner, root }
}

/** Whether this is the namespace of process 1. Where that cannot be seen, it is not. */
async function isInitial (netns: Netns): Promise<boolean> {
  return await stat('/proc/1/ns/net', { bigint: true }).then(({ ino }) => String(ino) === netns.inode, () => false)
}
