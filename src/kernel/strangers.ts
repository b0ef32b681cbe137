/**
 * What others do with nftables: heard of, so that damage to a table of ours is looked for only where somebody has been at it, and their rulesets are read
 * again only where they changed. What we commit ourselves is sieved out by the kernel, by the port of our socket.
 */
import { hostOrder } from '../bytes/writer.js'
import { get } from '../netlink/call.js'
import { NETLINK_NETFILTER, type Message } from '../netlink/header.js'
import { Letterbox, type Instruction } from '../netlink/letterbox.js'
import { gen } from '../netlink/nft/gen.js'
import { NFNLGRP_NFTABLES } from '../netlink/rtnl/groups.js'
import type { Transport } from '../netlink/transport.js'

/** Bytes. */
const RECEIVE_BUFFER = 1 << 20
const NEWGEN = 15
const NFPROTO_INET = 1

export class Strangers {
  readonly #transport: Transport
  readonly #netns: number
  #letterbox: Letterbox | undefined
  #port = 0
  #asked = false
  #opening: Promise<void> | undefined
  #closed = false
  /** Tables of family inet that somebody has touched; undefined: any may be. */
  #touched: Set<string> | undefined = new Set<string>()
  #changed = true

  /** `transport`: what we commit by. `netns`: the descriptor of its namespace, -1 for our own. */
  constructor (transport: Transport, netns: number) {
    this.#transport = transport
    this.#netns = netns
  }

  /** Which of these tables, of family inet, somebody else may have touched since the last call. Whoever asks only once, as a command does, is told of none. Throws KernelError. */
  async touched (tables: readonly string[]): Promise<readonly string[]> {
    await this.#hear()
    const touched = this.#touched
    if (touched === undefined) this.#touched = new Set()
    return touched === undefined ? tables : tables.filter((name) => touched.delete(name))
  }

  /** What was said to be touched could not be looked at: it is said again. */
  doubt (): void { this.#touched = undefined }

  /** Whether somebody else may have changed anything since the last call. Throws KernelError. */
  async changed (): Promise<boolean> {
    await this.#hear()
    const changed = this.#changed
    this.#changed = this.#letterbox === undefined
    return changed
  }

  async #hear (): Promise<void> {
    if (this.#letterbox !== undefined) {
      const heard = await this.#letterbox.hear((message) => { this.#take(message) })
      if (!heard) this.#lost()
      return
    }
    const asked = this.#asked
    this.#asked = true
    if (!asked || this.#closed) return
    this.#opening ??= this.#open()
    try { await this.#opening } finally { this.#opening = undefined }
  }

  async #open (): Promise<void> {
    this.#port = await this.#ownPort()
    const letterbox = await Letterbox.open({ protocol: NETLINK_NETFILTER, netns: this.#netns, groups: [NFNLGRP_NFTABLES], filter: notFrom(this.#port), receiveBuffer: RECEIVE_BUFFER })
    if (this.#closed) { letterbox.close(); return }
    this.#letterbox = letterbox
    this.#lost() // nobody knows what was before
  }

  #lost (): void {
    this.#touched = undefined
    this.#changed = true
  }

  /** The first attribute of every nf_tables message but a generation's is the name of its table. */
  #take ({ type, payload }: Message): void {
    if ((type & 0xff) === NEWGEN) return
    this.#changed = true
    const size = payload.length < 8 ? 0 : hostOrder.little ? payload.readUInt16LE(4) : payload.readUInt16BE(4)
    if (payload[0] !== NFPROTO_INET || size < 5) return
    this.#touched?.add(payload.toString('utf8', 8, 4 + size - 1))
  }

  /** The kernel answers to it. */
  async #ownPort (): Promise<number> { return (await get(this.#transport, gen.get({ family: 'unspec' })))[0]?.pid ?? 0 }

  /** Our own socket may have got another port since: then what we commit is heard, and is to be sieved anew. */
  async renew (): Promise<void> {
    if (this.#letterbox === undefined || await this.#ownPort() === this.#port) return
    this.#letterbox.close()
    this.#letterbox = undefined
  }

  close (): void {
    this.#closed = true
    this.#letterbox?.close()
  }
}

/** BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K: nlmsg_pid, loaded as if it were in network order. */
function notFrom (port: number): readonly Instruction[] {
  const bytes = Buffer.alloc(4)
  if (hostOrder.little) bytes.writeUInt32LE(port)
  else bytes.writeUInt32BE(port)
  return [{ code: 0x20, k: 12 }, { code: 0x15, jt: 0, jf: 1, k: bytes.readUInt32BE(0) }, { code: 0x06, k: 0 }, { code: 0x06, k: 0xffff_ffff }]
}
