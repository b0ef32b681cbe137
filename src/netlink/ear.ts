/** Hears multicast groups on a thread of ours, in workers too. `monitor` uses it there. */
import { isErrno } from './errno.js'
import { native } from './native.js'

export interface EarOptions {
  /** NETLINK_ROUTE or NETLINK_NETFILTER. */
  readonly protocol: number
  /** Descriptor of an open network namespace, -1 for our own. */
  readonly netns: number
  readonly groups: readonly number[]
  /** Bytes. */
  readonly receiveBuffer: number
}

export interface Listener {
  heard (data: Buffer): void
  /** So many messages did not fit into the kernel's buffer. */
  lost (count: number): void
  failed (error: unknown): void
}

/** An open socket; `close` resolves when it and its thread are gone. */
export interface Ear { close (): Promise<void> }

/** Joins the groups; what is heard from then on comes to the listener, until `close`. Does not keep the process alive. Rejects with the addon's error. */
export async function openEar ({ protocol, netns, groups, receiveBuffer }: EarOptions, listener: Listener): Promise<Ear> {
  const ear = await native().earOpen(protocol, netns, groups, receiveBuffer)
  const listen = async (): Promise<void> => {
    for (let known = 0; ;) {
      const { datagrams, drops } = await native().earHear(ear)
      for (const data of datagrams) listener.heard(data)
      if (drops !== known) listener.lost(drops - known)
      known = drops
    }
  }
  listen().catch((error: unknown) => { if (!isErrno(error, 'ECANCELED')) listener.failed(error) })
  return { close: async () => { await native().earClose(ear) } }
}
