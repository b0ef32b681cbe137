/** What is told of what a host does, to programs that listen to it: see tracing.ts. Types only. */

/** What a host does; each counts once a call, however many networks it is about. */
export type Operation =
  | 'define' | 'create' | 'start' | 'stop' | 'destroy' | 'undefine' | 'autostart' | 'update' | 'transaction' | 'plan' | 'apply' | 'attach' | 'detach' | 'networks' | 'topology' | 'check' | 'links' | 'rig' | 'drop'

/** Of `netwright:operation`: a call of the public interface, from the call to its settling. */
export interface OperationTrace {
  readonly operation: Operation
  readonly owner: string
  /** Where the host works: `/run/netns/x`, `/proc/1/ns/net`. */
  readonly netns: string
  /** The networks, ports or namespaces that it is about. */
  readonly names: readonly string[]
  readonly count: number
}

/** Of `netwright:netlink`: a datagram and its answer. Times are milliseconds, known at the end. */
export interface NetlinkTrace {
  /** 0 rtnetlink, 12 nfnetlink. */
  readonly protocol: number
  readonly dump: boolean
  readonly messages: number
  readonly bytes: number
  /** Until the socket's thread came to it: what was sent before it was still in the kernel. */
  queueMs?: number
  /** In sendmsg, where the kernel carries a request out: it worked, or made us wait for RTNL. */
  waitMs?: number
  /** In the kernel altogether, with the reading of the answer; a dump is made while it is read. */
  spentMs?: number
  /** Of `spentMs`, on a processor; the rest was waiting, for RTNL or for a processor. A kernel that spins for a lock counts as working. */
  workMs?: number
  answerBytes?: number
}

/** Of `netwright:dnsmasq`: from the start of a process until it answers. */
export interface DnsmasqTrace {
  readonly owner: string
  readonly network: string
  /** Known at the end. */
  pid?: number
}
