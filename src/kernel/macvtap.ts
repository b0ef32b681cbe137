/** Macvtaps: links whose other end is a character device, on a device that stays the host's own. */
import { native } from '../netlink/native.js'
import type { MacvtapObject } from './object.js'
import { refusal } from './refusal.js'

/**
 * Opens /dev/tapN of a macvtap that we made, once a queue, whether there is such a file or not. Descriptors are the caller's to close. Throws KernelError: ESTALE where
 * the link is gone or another one, EPERM where device nodes may not be made (an unprivileged container). On failure nothing stays.
 */
export async function openMacvtap (netns: number, { name, index, queues, vnetHdr }: MacvtapObject): Promise<readonly number[]> {
  try { return await native().macvtapOpen(netns, name, index, { queues, vnetHdr }) } catch (error) { throw refusal(error, 'open', `macvtap ${name}`) }
}
