/** The ways in, light: the engine is loaded when the first host is opened, on its own thread, so that `import 'netwright'` costs little. */
import type { Host, HostOptions, NetworkInfo } from '../engine/api.js'
import { look } from '../engine/look.js'
import { openRemote } from './client.js'

/**
 * Opens a host: one owner's networks in one namespace. Finishes or undoes what a killed process of this owner left.
 * Reading needs no privilege. Throws NETWRIGHT_INVALID, NETWRIGHT_NO_NAMESPACE, NETWRIGHT_ADDON_MISSING, NETWRIGHT_LOCKED, KernelError.
 */
export async function openHost (options: HostOptions = {}): Promise<Host> { return isHere(options) ? await openHere(options) : await openRemote(options) }

/** Programs without types pass anything. */
const isHere = (options: HostOptions | null): boolean => options?.thread === false

/** In the caller's thread. */
async function openHere (options: HostOptions): Promise<Host> {
  const host = await import('../engine/host.js')
  return await host.openHost(options)
}

/**
 * All networks of an owner, for a program that looks and ends: `virsh net-list --all`. Opens no host and loads little, unless a killed process has left
 * something: that is finished or undone first. Throws as `openHost`.
 */
export async function listNetworks (options: HostOptions = {}): Promise<NetworkInfo[]> {
  const seen = await look(options)
  if (seen !== undefined) return seen
  const host = await openHere({ ...options, supervise: false })
  try { return await host.networks(options) } finally { await host.close() }
}
