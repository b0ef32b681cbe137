/** A host inside a named namespace. */
import type { Context } from './context.js'
import { HostHandle } from './host-handle.js'
import type { NamespaceHost } from './rig.js'
import type { Opening } from './rigs.js'

export interface Within {
  readonly name: string
  readonly made: boolean
  drop (): Promise<void>
  /** The host is closed. */
  closed (): void
}

export class NamespaceHandle extends HostHandle implements NamespaceHost {
  readonly name: string
  readonly made: boolean
  readonly #within: Within

  constructor (context: Context, supervise: boolean, closers: readonly (() => void | Promise<void>)[], { opening, within }: { readonly opening: Opening, readonly within: Within }) {
    super(context, supervise, closers, opening)
    this.name = within.name
    this.made = within.made
    this.#within = within
  }

  override async close (): Promise<void> {
    try { await super.close() } finally { this.#within.closed() }
  }


  async drop (): Promise<void> { await this.#within.drop() }

  override async [Symbol.asyncDispose] (): Promise<void> { await this.drop() }
}
