/** Links of the pool that cannot be used again: into graves of their own, for the sexton. */
import { graveName } from '../kernel/burial.js'
import type { Stripped } from '../kernel/launder.js'
import { poolName } from '../kernel/strip.js'
import { send } from '../netlink/call.js'
import { isErrno } from '../netlink/errno.js'
import { IFF_UP, link } from '../netlink/rtnl/link.js'
import type { Means } from './measure.js'

/** Returns the indexes of those that have left the pool's groups. The others stay, and go with the pool. Never throws. */
export async function discard (links: readonly Stripped[], { graves, rtnl, sexton, logger }: Pick<Means, 'graves' | 'rtnl' | 'sexton' | 'logger'>): Promise<ReadonlySet<number>> {
  try {
    const grave = await graves.dig(links.map(({ index, name, kind }) => ({ index, name, kind })))
    const sites = grave.plots.flatMap((plot) => plot.links.map(({ index, kind }) => ({ index, group: plot.group, leaves: kind === 'tun' ? { master: 0 } : {} })))
    const outcomes = await send(rtnl, sites.map(({ index, group, leaves }) => link.change({ index, ifname: graveName(index), group, ...leaves, flags: 0, change: IFF_UP }, poolName(index))))
    sexton.take([grave])
    return new Set(sites.filter((_, i) => outcomes[i]?.acknowledged === true && (outcomes[i].error === undefined || isErrno(outcomes[i].error, 'ENODEV'))).map(({ index }) => index))
  } catch (error) {
    logger.warn({ err: error }, 'links that cannot be used again go with the pool')
    return new Set()
  }
}
