/** The way in, light: what a host needs is loaded when the first one is opened, so that `import 'netwright'` costs little. */
import type { Host, HostOptions } from './api.js'

/**
 * Opens a host: one owner's networks in one namespace. Finishes or undoes what a killed process of this owner left.
 * Reading needs no privilege. Throws NETWRIGHT_INVALID, NETWRIGHT_NO_NAMESPACE, NETWRIGHT_ADDON_MISSING, NETWRIGHT_LOCKED, KernelError.
 */
export async function openHost (options: HostOptions = {}): Promise<Host> {
  const host = await import('./host.js')
  return await host.openHost(options)
}
