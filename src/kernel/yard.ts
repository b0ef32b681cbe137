/**
 * Link groups that nobody else has, for links that are buried (see burial.ts): numbers of one random range. When the second lot is to be deleted, all links are
 * looked at once; from then on the kernel tells of every link that gets such a group, so who is in one is known without looking at all links again.
 */
import { randomInt } from 'node:crypto'
import { hostOrder } from '../bytes/writer.js'
import { mapSlowly } from '../netlink/breathe.js'
import { dump } from '../netlink/call.js'
import type { Message } from '../netlink/header.js'
import { NETLINK_ROUTE } from '../netlink/header.js'
import { Letterbox, type Instruction } from '../netlink/letterbox.js'
import { RTNLGRP_LINK } from '../netlink/rtnl/groups.js'
import { link, RTEXT_FILTER_SKIP_STATS } from '../netlink/rtnl/link.js'
import { makeSieve } from '../netlink/sieve.js'
import type { Transport } from '../netlink/transport.js'
import { isOwners, type Plot } from './burial.js'
import { glance } from './glance.js'

/** A link that has the group of a plot. */
export interface Occupant { readonly index: number, readonly kind?: string, readonly group: number, readonly name: string }

/** Groups of one range; 12 bits. */
const SIZE = 1 << 12
const HEADER = 16
const GROUP = link.table.group.number

export class Yard {
  readonly #netns: number
  #base = freshBase()
  #used = 0
  #letterbox: Letterbox | undefined
  #asked = false
  #closed = false
  /** Who has a group of the range, by index; undefined where that is not known. */
  #occupants: Map<number, Occupant> | undefined

  /** `netns`: an open descriptor, -1 for our own. */
  constructor (netns: number) { this.#netns = netns }

  /** A group for a plot. */
  next (): number {
    if (++this.#used >= SIZE) this.#move()
    return this.#base + this.#used
  }

  /** The range is used up: links of older plots are found as those of other processes are. */
  #move (): void {
    this.#letterbox?.close()
    this.#letterbox = undefined
    this.#occupants = undefined
    this.#base = freshBase()
    this.#used = 1
  }

  /** Who is in these plots now: ours, and whom somebody has put there. Throws KernelError, NETWRIGHT_UNKNOWN_OUTCOME. */
  async look (transport: Transport, plots: readonly Pick<Plot, 'group'>[]): Promise<readonly Occupant[]> {
    const groups = new Set(plots.map(({ group }) => group))
    const others = [...groups].filter((group) => !this.#has(group))
    const found = others.length === 0 ? [] : await occupants(transport, others.map((group) => ({ value: group, mask: 0xffff_ffff })))
    if (others.length === groups.size) return found
    return [...found, ...(await this.#current(transport)).values()].filter(({ group }) => groups.has(group))
  }

  /** The kernel tells of every link that gets this group: a look costs next to nothing. */
  hears (group: number): boolean { return this.#has(group) && this.#occupants !== undefined }

  #has (group: number): boolean { return group > this.#base && group < this.#base + SIZE }

  async #current (transport: Transport): Promise<ReadonlyMap<number, Occupant>> {
    const known = this.#occupants
    this.#occupants = undefined // until all is heard
    if (known !== undefined && this.#letterbox !== undefined && await this.#letterbox.hear((message) => { take(known, message) })) return this.#occupants = known
    // Whoever buries only once, as a command does, has no use for what changes later.
    if (this.#asked && !this.#closed) this.#letterbox ??= await Letterbox.open({ protocol: NETLINK_ROUTE, netns: this.#netns, groups: [RTNLGRP_LINK], filter: within(this.#base) })
    this.#asked = true
    const found = new Map((await occupants(transport, [{ value: this.#base, mask: -SIZE >>> 0 }])).map((one) => [one.index, one]))
    if (this.#letterbox !== undefined) this.#occupants = found
    return found
  }

  close (): void {
    this.#closed = true
    this.#letterbox?.close()
  }
}

function freshBase (): number {
  for (;;) {
    const base = randomInt(16, 0x8000_0000 / SIZE) * SIZE
    if (!isOwners(base)) return base
  }
}

/** One dump; only links with one of these groups are handed over by the thread that reads it. */
async function occupants (transport: Transport, groups: readonly { readonly value: number, readonly mask: number }[]): Promise<Occupant[]> {
  const sieve = makeSieve(HEADER, [{ path: [GROUP], width: 4, values: groups.map(({ value, mask }) => ({ value: bytes(value), mask: bytes(mask) })) }])
  const wanted = (group: number): boolean => groups.some(({ value, mask }) => (group & mask) >>> 0 === value)
  const found = await mapSlowly(await dump(transport, link.dump({ extMask: RTEXT_FILTER_SKIP_STATS }), sieve), occupant)
  return found.filter((one): one is Occupant => one !== undefined && wanted(one.group))
}

function bytes (value: number): Uint8Array {
  const data = Buffer.alloc(4)
  if (hostOrder.little) data.writeUInt32LE(value)
  else data.writeUInt32BE(value)
  return data
}

function occupant ({ type, payload }: Pick<Message, 'type' | 'payload'>): Occupant | undefined {
  if (type !== link.types.new) return undefined
  const { index, name, group, kind } = glance(payload)
  return { index, name, group, ...kind === undefined ? {} : { kind } }
}

/** A link in the range has changed, or has gone. Of one that is known nothing new is to be learned but its group. */
function take (known: Map<number, Occupant>, message: Message): void {
  const index = message.payload.length < HEADER ? 0 : hostOrder.little ? message.payload.readInt32LE(4) : message.payload.readInt32BE(4)
  if (message.type === link.types.del) { known.delete(index); return }
  const found = occupant(message)
  if (found !== undefined) known.set(index, found)
}

/** Source: include/uapi/linux/bpf_common.h; linux/filter.h: SKF_AD_OFF + SKF_AD_NLATTR finds attribute X from offset A on, 0 where there is none. */
const BPF = { immediate: 0x00, immediateX: 0x01, word: 0x20, wordAtX: 0x40, and: 0x54, equal: 0x15, toX: 0x07, give: 0x06 } as const
const FIND = 0xffff_f000 + 12

/** A load makes a number of four bytes in network order, whatever they are. */
const loaded = (value: number): number => Buffer.from(bytes(value)).readUInt32BE(0)

/** Links whose group is one of the range: the first attribute is behind both headers. */
function within (base: number): readonly Instruction[] {
  return [
    { code: BPF.immediate, k: 16 + HEADER },
    { code: BPF.immediateX, k: GROUP },
    { code: BPF.word, k: FIND },
    { code: BPF.equal, jt: 4, jf: 0, k: 0 },
    { code: BPF.toX, k: 0 },
    { code: BPF.wordAtX, k: 4 },
    { code: BPF.and, k: loaded(-SIZE >>> 0) },
    { code: BPF.equal, jt: 1, jf: 0, k: loaded(base) },
    { code: BPF.give, k: 0 },
    { code: BPF.give, k: 0xffff_ffff },
  ]
}
