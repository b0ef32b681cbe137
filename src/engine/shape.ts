/** Which links can stand in for each other: those of one shape. */
import type { LinkObject } from '../kernel/object.js'
import type { Wanted } from './source.js'

export const BRIDGE = 'bridge'

/** Undefined for a link that is not kept. */
export function shapeOf (link: LinkObject): string | undefined {
  switch (link.type) {
    // The kernel remembers that a bridge was given an MTU: it no longer follows its ports.
    case 'bridge': return link.mtu === undefined ? BRIDGE : undefined
    case 'tap': return shapeWanted(link)
    // Its other end is in another namespace.
    case 'veth': return undefined
    default: return link satisfies never
  }
}

/** What would do for it; undefined where nothing does. */
export function shapeWanted (wanted: Wanted): string | undefined {
  if (wanted.type === 'bridge') return BRIDGE
  return undefined
}
