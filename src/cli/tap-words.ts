/** The words of `ip tuntap`, which the tap verbs take. Source: ip-tuntap(8). */
import { UsageError } from './failure.js'

/** What was asked for. */
export interface TapWords { readonly name: string, readonly owner?: number, readonly group?: number, readonly queues?: number, readonly vnetHdr?: boolean }

/** Queues of a TAP made with `multi_queue`: the kernel counts those that programs attach, up to 256. */
const manyQueues = 256

function number (what: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${what} '${text}' is not a number`, `id -${what === 'group' ? 'g' : 'u'} ${text} prints it`)
  return Number(text)
}

/** `vm-vnic`, or `dev vm-vnic mode tap [user UID] [group GID] [multi_queue] [vnet_hdr]`, in any order as ip(8) takes it. */
export function tapWords (words: readonly string[]): TapWords {
  let found: Partial<TapWords> = {}
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    const value = (): string => {
      const next = words[++at]
      if (next === undefined) throw new UsageError(`${word}: a value is missing`)
      return next
    }
    if (word === 'dev' || word === 'name') found = { ...found, name: value() }
    else if (word === 'mode') {
      const mode = value()
      if (mode !== 'tap') throw new UsageError(`mode '${mode}' is not supported: only tap`)
    } else if (word === 'user') found = { ...found, owner: number('user', value()) }
    else if (word === 'group') found = { ...found, group: number('group', value()) }
    else if (word === 'multi_queue') found = { ...found, queues: manyQueues }
    else if (word === 'vnet_hdr') found = { ...found, vnetHdr: true }
    else if (found.name === undefined) found = { ...found, name: word }
    else throw new UsageError(`unexpected data '${word}'`)
  }
  const { name, ...options } = found
  if (name === undefined) throw new UsageError('the name of the TAP is missing', 'netwright tap add vm-vnic')
  return { name, ...options }
}
