/** What is thrown when a change failed: the reason alone, or, where its undo failed too, a list of what still stands. */
import { NetwrightError } from '../errors.js'
import type { Left } from './teardown.js'

export function failure (purpose: string, reason: unknown, left: readonly Left[]): unknown {
  if (left.length === 0) return reason
  const names = left.map(({ what }) => what)
  return new NetwrightError('NETWRIGHT_UNDO_INCOMPLETE', `${purpose}: ${reason instanceof Error ? reason.message : String(reason)}; and of its undo this is left: ${names.join(', ')}`, {
    cause: new AggregateError([reason, ...left.map(({ error }) => error)]), left: names.reverse(),
    remedy: 'the next netwright command tries again to remove it',
  })
}
