/**
 * Forwarded ports in packets: one element a port in a map of the constant table, so that ten thousand of them cost a packet what one costs. Pure.
 *
 * | map or set | key | value | says |
 * |---|---|---|---|
 * | dnat4, dnat6       | address . protocol . port | guest . port | this address of the host |
 * | dnatall4, dnatall6 | protocol . port           | guest . port | whichever address of the host, 127.0.0.1 included (not ::1) |
 * | dnatnet4, dnatnet6 | guest . protocol . port   |              | guests of other networks may use it too |
 * | indnat             | bridge                    |              | what was forwarded may come in |
 */
import type { MemberObject } from '../kernel/object.js'
import { isIp } from '../values/ip.js'
import type { Definition, Forwarded } from './spec.js'

/** Addresses of guests by the names of their ports. */
export type Guests = ReadonlyMap<string, string>
export const nobody: Guests = new Map()

/** Where a forward leads to; undefined where its port is not attached, or has no address. */
export function guestOf ({ guest }: Pick<Forwarded, 'guest'>, guests: Guests): string | undefined { return isIp(guest) ? guest : guests.get(guest) }

/** Whether a guest is named by its port. */
export function byName ({ guest }: Pick<Forwarded, 'guest'>): boolean { return !isIp(guest) }

/** 4 or 6; of a port it is its reserved address, which is IPv4. */
export function forwardFamily ({ guest }: Pick<Forwarded, 'guest'>): 4 | 6 { return guest.includes(':') ? 6 : 4 }

const isLoopback = (address: string | undefined): boolean => address?.startsWith('127.') === true

/** Whether the host itself reaches one of them by 127.0.0.1, for which the bridge needs route_localnet. */
export function servesLoopback (forwards: readonly Forwarded[] = []): boolean {
  return forwards.some((forward) => forwardFamily(forward) === 4 && (forward.address === undefined || isLoopback(forward.address)))
}

/** The elements of a network's forwarded ports. `nft add element inet netwright dnatall4 { tcp . 8080 : 192.168.123.10 . 80 }`. */
export function forwardMembers ({ forwards = [], bridge }: Pick<Definition, 'forwards' | 'bridge'>, guests: Guests): readonly MemberObject[] {
  if (forwards.length === 0) return []
  const allowed = new Map<string, MemberObject>()
  const members: MemberObject[] = [{ type: 'member', set: 'indnat', key: [bridge.name] }]
  for (const forward of forwards) {
    const guest = guestOf(forward, guests)
    if (guest === undefined) continue
    const family = String(forwardFamily(forward))
    const { proto, address, port, end = port, guestPort, networks = false } = forward
    for (let i = 0; i <= end - port; i++) {
      members.push({ type: 'member', set: `dnat${address === undefined ? 'all' : ''}${family}`, key: [...address === undefined ? [] : [address], proto, port + i], data: [guest, guestPort + i] })
      const key = [guest, proto, guestPort + i]
      if (networks) allowed.set(key.join(' '), { type: 'member', set: `dnatnet${family}`, key })
    }
  }
  return [...members, ...allowed.values()]
}
