/** Forwarded ports, as those see them who use `host.network(…).forwards`. */
import type { Forwarded, ForwardInput } from '../network/spec.js'
import type { Options } from './api.js'

/** What a change is about, as with `virsh net-update --live --config`: what runs, what is stored, or where nothing is said both that are there. */
export interface Scope { readonly live?: boolean | undefined, readonly config?: boolean | undefined }

/** A forwarded port. Without `address` it is forwarded on every address of the host, 127.0.0.1 included. */
export interface ForwardInfo extends Forwarded {
  /** The guest's address: of one that is named by its port the reserved one, while the port is attached. */
  readonly to?: string
  /** In what runs, in what is stored. */
  readonly live: boolean
  readonly config: boolean
}

/** Who calls keeps his source address, but for the network's own guests and 127.0.0.1, who show as the gateway. */
export interface Forwards {
  /** `netwright forward list`. */
  list (options?: Options): Promise<ForwardInfo[]>
  /**
   * `forwards.add('8080/tcp 192.168.123.10:80')`, or `{ host: 'auto', guest: 'vnet0:80' }`; resolves with what it became. All or nothing, stored and live. Throws
   * InputError where it makes no sense in this network, NETWRIGHT_PORT_IN_USE, saying by whom, NETWRIGHT_EXISTS, NETWRIGHT_INACTIVE, NETWRIGHT_TRANSIENT.
   */
  add (forward: ForwardInput, options?: Options & Scope): Promise<ForwardInfo>
  /** By the same words, or by the host's side alone (`8080/tcp`). Connections that came by it are cut off. Throws NETWRIGHT_NOT_FOUND, NETWRIGHT_INACTIVE, NETWRIGHT_TRANSIENT. */
  remove (forward: ForwardInput, options?: Options & Scope): Promise<void>
}
