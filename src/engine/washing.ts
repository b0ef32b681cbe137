/** In which order links of the pool are laundered. */
import type { Buried } from '../kernel/burial.js'

/** `proved`: in the last look it was as new, and may be lent. */
export interface Washable { readonly link: Pick<Buried, 'kind'>, readonly shape: string, /** Whose links may be each other's ports. */ readonly grave: object, state: 'soiled' | 'washing' | 'clean' | 'proved' }

/** So many are laundered at once: they are read with one send. */
const AT_ONCE = 32

/** Of one shape, oldest first. Of a grave all ports before the first bridge, which must be without them: none while some of them are being washed. */
export function nextToWash<T extends Washable> (links: readonly T[]): T[] {
  const isPort = ({ link }: T): boolean => link.kind === 'tun'
  const soiled = links.filter(({ state }) => state === 'soiled')
  const joined = new Set(links.filter((one) => isPort(one) && (one.state === 'soiled' || one.state === 'washing')).map(({ grave }) => grave))
  const ready = soiled.filter((one) => isPort(one) || !joined.has(one.grave))
  return ready.filter(({ shape }) => shape === ready[0]?.shape).slice(0, AT_ONCE)
}
