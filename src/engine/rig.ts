/** Namespaces with hosts inside, made and dropped as one thing. Types only. */
import type { Host, HostOptions, NetworkDefinition, NetworkWithPorts, Options } from './api.js'

/** What a host inside a namespace may have of its own; owner, root, logger and the rest are its parent's. */
export type NamespaceOptions = Options & Pick<HostOptions, 'pools' | 'recycle' | 'resolvConf' | 'supervise'>

/** A host inside a named namespace. Closing its parent closes it. */
export interface NamespaceHost extends Host {
  /** `a`, as in /run/netns/a. */
  readonly name: string
  /** Whether this program made the namespace: then it ends with `drop`, with its parent, or with the process. Another's is never deleted. */
  readonly made: boolean
  /**
   * Destroys every network of this owner in a namespace that we made, deletes it and waits until it is gone; `ip netns del`. Where we did not make it, it only closes.
   * Twice is fine. Throws NETWRIGHT_UNDO_INCOMPLETE where something stays, as when a program of somebody else's is in it; the next host tries again.
   */
  drop (): Promise<void>
  /** Disposing drops. */
  [Symbol.asyncDispose] (): Promise<void>
}

/** Names, or names with the networks to be created in each. */
export type RigInput<N extends string = string> = readonly N[] | Readonly<Record<N, readonly (NetworkDefinition | NetworkWithPorts)[]>>

/** Several namespaces with a host inside each. */
export interface Rig<N extends string = string> extends AsyncDisposable {
  /** By the namespace's name, in the order in which they were asked for. */
  readonly hosts: ReadonlyMap<N, NamespaceHost>
  /** One of them. Throws NETWRIGHT_NOT_FOUND. */
  host (name: N): NamespaceHost
  /**
   * Destroys the networks in all of them, deletes the namespaces that were made for it and waits until they are gone. In namespaces that were there before,
   * what was made through this rig goes. Twice is fine. Throws NETWRIGHT_UNDO_INCOMPLETE.
   */
  drop (): Promise<void>
}
