/** The ways in, light: what a host needs is loaded when the first one is opened, so that `import 'netwright'` costs little. */
import type { Host, HostOptions, NetworkInfo } from './api.js'
import { look } from './look.js'

/**
 * Opens a host: one owner's networks in one namespace. Finishes or undoes what a killed process of this owner left.
 * Reading needs no privilege. Throws NETWRIGHT_INVALID, NETWRIGHT_NO_NAMESPACE, NETWRIGHT_ADDON_MISSING, NETWRIGHT_LOCKED, KernelError.
 */
export async function openHost (options: HostOptions = {}): Promise<Host> {
  const host = await import('./host.js')
  return await host.openHost(options)
}

/**
 * All networks of an owner, for a program that looks and ends: `virsh net-list --all`. Opens no host and loads little, unless a killed process has left
 * something: that is finished or undone first. Throws as `openHost`.
 */
export async function listNetworks (options: HostOptions = {}): Promise<NetworkInfo[]> {
  const seen = await look(options)
  if (seen !== undefined) return seen
  const host = await openHost({ ...options, supervise: false })
  try { return await host.networks(options) } finally { await host.close() }
}
