/** What stands, as a plan sees it. Only reads; no lock, since each file is whole. */
import { createHash } from 'node:crypto'
import { isOurs, readEach } from '../kernel/link-state.js'
import { mapSlowly, pacer } from '../netlink/breathe.js'
import type { PlannedPort } from './change.js'
import type { Context } from './context.js'
import { inventory, type Entry } from './inventory.js'
import { lost } from './lost.js'
import { readOrigins } from './origins.js'
import type { PortRecord } from './record.js'
import type { NetworkState } from './state.js'

/** Which networks a plan rests on: those that are named, and with `source` those that have a part made from it. */
export interface About { readonly names: ReadonlySet<string>, readonly source?: string | undefined }

/**
 * All networks of this owner, sorted by name. Of those that it is about, ports whose link is gone, or that somebody is removing, are left out; of the
 * others nothing but the records is looked at.
 */
export async function have (context: Context, about?: About): Promise<NetworkState[]> {
  const [entries, autostarted, origins, journal] = await Promise.all([inventory(context), context.store.autostarted(), readOrigins(context), context.book.underway()])
  const going = new Set(journal.flatMap(({ ports }) => ports.map(({ link }) => link.index)))
  const sources = new Map(origins.map(({ uuid, dev = '', mac = '', source }) => [keyOf(uuid, dev, mac), source]))
  const mine = new Set(origins.filter(({ source }) => source === about?.source).map(({ uuid }) => uuid))
  const isAsked = ({ name, uuid }: Entry): boolean => about === undefined || about.names.has(name) || (about.source !== undefined && mine.has(uuid))
  const some = entries.filter(isAsked)
  const asked = some.flatMap(({ ports }) => ports)
  const without = await lost(context, some.flatMap(({ running }) => running ?? []))
  const there = await present(context, asked.filter(({ link }) => !going.has(link.index)))
  const gone = new Set(asked.filter((port) => !there.has(port)))
  return await mapSlowly(entries, ({ name, uuid, stored, running, ports }) => {
    const source = sources.get(keyOf(uuid))
    return {
      name, autostart: stored !== undefined && autostarted.has(name), ...stored === undefined ? {} : { stored }, ...running === undefined ? {} : { running: running.definition, ...without.has(running) ? { lost: true as const } : {} },
      ...source === undefined ? {} : { source },
      ports: ports.filter((port) => !gone.has(port)).flatMap((port) => {
        const from = sources.get(keyOf(uuid, port.link.name, port.mac))
        const planned = plannedOf(port)
        return planned === undefined ? [] : [{ ...planned, ...from === undefined ? {} : { source: from } }]
      }),
    }
  })
}

const keyOf = (uuid: string, dev = '', mac = ''): string => [uuid, dev, mac].join(' ')

async function present (context: Context, ports: readonly PortRecord[]): Promise<ReadonlySet<PortRecord>> {
  const links = await readEach(context.rtnl, ports.map(({ link: { index } }) => ({ index })))
  return new Set(ports.filter(({ link }, i) => {
    const state = links[i]
    return state !== undefined && isOurs({ ...state, name: link.name }, link)
  }))
}

/** A port as it stands, in the words of a plan. */
function plannedOf ({ link, mac, ip, hostname, defaultRoute = false }: PortRecord): PlannedPort | undefined {
  const common = { dev: link.name, mac, ...ip === undefined ? {} : { address: ip }, ...hostname === undefined ? {} : { hostname } }
  if (link.type === 'veth') return { kind: 'veth', ...common, netns: link.peer.netns.path, peer: link.peer.name, defaultRoute }
  if (link.type === 'macvtap') return undefined // of no network, and of no plan
  const { queues, vnetHdr, uid, gid } = link
  return { kind: 'tap', ...common, queues, vnetHdr, ...uid < 0 ? {} : { owner: uid }, ...gid < 0 ? {} : { group: gid } }
}

/** What a plan rests on, in one word: the same as long as none of these networks changes. */
export async function fingerprint (states: readonly NetworkState[], { names, source }: About): Promise<string> {
  const hash = createHash('sha256')
  const pace = pacer()
  for (const state of states) {
    if (!names.has(state.name) && (source === undefined || !(state.source === source || state.ports.some((port) => port.source === source)))) continue
    hash.update(JSON.stringify({ ...state, ports: state.ports.toSorted((a, b) => a.dev < b.dev ? -1 : 1) }, sorted))
    await pace()
  }
  return hash.digest('hex')
}

/** For `JSON.stringify`: keys in one order, whoever made the object. */
function sorted (_key: string, value: unknown): unknown {
  return typeof value !== 'object' || value === null || Array.isArray(value) ? value : Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1))
}
