/** Forwarded ports as a table. */
import { guestWords, hostWords, type ForwardInfo } from '../../index.js'
import { table } from './table.js'

/** In the order of networks and definitions. A guest that is named by its port shows its address too, while it has one. */
export function forwardTable (forwards: readonly (ForwardInfo & { readonly network: string })[], headless: boolean): string {
  const rows = forwards.map((forward) => [
    forward.network, hostWords(forward), `${guestWords(forward)}${forward.to === undefined || forward.to === forward.guest ? '' : ` (${forward.to})`}`,
    forward.networks === true ? 'everybody' : forward.address?.startsWith('127.') === true ? 'this host' : 'outside', forward.live && forward.config ? 'live, config' : forward.live ? 'live' : 'config',
  ])
  return table(['Network', 'Host', 'Guest', 'For', 'State'], rows, headless)
}
