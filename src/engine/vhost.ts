/** vhost-net: the kernel moves a guest's frames between its memory and a TAP by itself. Source: Documentation/virt/kvm, drivers/vhost/net.c. */
import { NetwrightError } from '../errors.js'
import { refusal } from '../kernel/refusal.js'
import { isErrno } from '../netlink/errno.js'
import { native } from '../netlink/native.js'

export const VHOST_DEVICE = '/dev/vhost-net'

/** One descriptor a queue, the caller's to close. Throws NETWRIGHT_UNSUPPORTED where this host has no vhost-net, KernelError. */
export async function openVhost (queues: number, dev: string): Promise<readonly number[]> {
  try { return await native().deviceOpen(VHOST_DEVICE, queues) } catch (error) {
    if (['ENOENT', 'ENODEV', 'ENXIO'].some((name) => isErrno(error, name))) throw new NetwrightError('NETWRIGHT_UNSUPPORTED', `port ${dev}: this host has no ${VHOST_DEVICE}`, { cause: error, remedy: 'modprobe vhost_net, or attach the port without vhost' })
    throw refusal(error, 'open', VHOST_DEVICE)
  }
}
