/** What is thrown when a change failed: the reason alone, or, where its undo failed too, a list of what still stands. */
import { isError, NetwrightError, type Remains } from '../errors.js'
import type { Left } from './teardown.js'

export function failure (purpose: string, reason: unknown, left: readonly Left[]): unknown {
  if (left.length === 0) return reason
  const names = left.map(({ what }) => what)
  return new NetwrightError('NETWRIGHT_UNDO_INCOMPLETE', `${purpose}: ${isError(reason) ? reason.message : String(reason)}; and of its undo this is left: ${names.join(', ')}`, {
    cause: new AggregateError([reason, ...left.map(({ error }) => error)]), left: names.reverse(), remains: left.map(remainsOf).reverse(),
    ...reason instanceof NetwrightError && reason.network !== undefined ? { network: reason.network } : {}, ...reason instanceof NetwrightError && reason.place !== undefined ? { place: reason.place } : {},
    remedy: 'the next netwright command tries again to remove it',
  })
}

/** Objects are described as `bridge virbr1`; what is not an object (`links`, `nft elements`) is a part of the work. */
const KINDS = ['bridge', 'tap', 'veth', 'macvtap', 'network', 'update of network']

function remainsOf ({ what }: Left): Remains {
  const kind = KINDS.find((one) => what.startsWith(`${one} `))
  return kind === undefined ? { kind: what, name: '' } : { kind, name: what.slice(kind.length + 1) }
}
