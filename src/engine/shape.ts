/** Which links can stand in for each other: those of one shape. */
import type { LinkObject, TapObject } from '../kernel/object.js'
import type { Wanted } from './source.js'

export const BRIDGE = 'bridge'

/** Undefined for a link that is not kept. */
export function shapeOf (link: LinkObject): string | undefined {
  switch (link.type) {
    // The kernel remembers that a bridge was given an MTU: it no longer follows its ports.
    case 'bridge': return link.mtu === undefined ? BRIDGE : undefined
    case 'tap': return shapeWanted(link)
    // Its other end is in another namespace, or it stands on a device of somebody else's.
    case 'veth': case 'macvtap': return undefined
    default: return link satisfies never
  }
}

/** What would do for it; undefined where nothing does: a TAP that is not persistent goes with its descriptors. An owner once set cannot be cleared, another number of queues is refused. */
export function shapeWanted (wanted: Wanted): string | undefined {
  if (wanted.type === 'bridge') return BRIDGE
  const { persist, uid, gid, queues, vnetHdr } = wanted
  return persist ? `tap ${String(uid)} ${String(gid)} ${String(queues)} ${vnetHdr ? 'header' : 'plain'}` : undefined
}

/** The TAP of a shape, undefined for bridges. */
export function tapOf (shape: string): Pick<TapObject, 'type' | 'uid' | 'gid' | 'queues' | 'vnetHdr' | 'persist'> | undefined {
  const [type, uid, gid, queues, header] = shape.split(' ')
  return type === 'tap' ? { type, uid: Number(uid), gid: Number(gid), queues: Number(queues), vnetHdr: header === 'header', persist: true } : undefined
}
