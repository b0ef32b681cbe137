// The parser of the npm package `netlink` is a second opinion: what it can decode, both decode alike.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import structs from 'netlink/dist/rt/structs.js'
import type { Message } from '../../../src/netlink/header.js'
import { addr } from '../../../src/netlink/rtnl/addr.js'
import { link } from '../../../src/netlink/rtnl/link.js'
import { neigh } from '../../../src/netlink/rtnl/neigh.js'
import { route } from '../../../src/netlink/rtnl/route.js'
import { fixture } from './rtnl-fixture.js'

// Not link-set: the package refuses an alias without NUL, which is how ip(8) sends it.
const fixtures = ['bridge-add', 'veth-add', 'vlan-add', 'bond-add', 'port-set', 'link-addrgen', 'link-del', 'addr-add', 'addr-add6', 'route-add', 'route-multipath', 'neigh-add', 'fdb-add', 'links', 'addrs', 'routes', 'routes6', 'neighs', 'fdb']

/** uvu cannot print a bigint. */
const number = (value: unknown): unknown => typeof value === 'bigint' ? Number(value) : value
const hex = (value: unknown): unknown => value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
const flat = (text: string | undefined): string | undefined => text?.replaceAll(':', '')
const address = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined
  return text.includes(':') ? undefined : Buffer.from(text.split('.').map(Number)).toString('hex')
}

/** Our value and theirs, under one name; a pair is compared where both have it. */
type Pairs = Readonly<Record<string, readonly [ours: unknown, theirs: unknown]>>

function ofLink (message: Message): Pairs {
  const ours = link.decode(message)
  const { data, attrs } = structs.parseLinkMessage(message.payload)
  return {
    index: [ours.index, data.index],
    ifname: [ours.ifname, attrs.ifname], mtu: [ours.mtu, attrs.mtu], address: [flat(ours.address), hex(attrs.address)], broadcast: [flat(ours.broadcast), hex(attrs.broadcast)],
    qdisc: [ours.qdisc, attrs.qdisc], master: [ours.master, attrs.master], txqlen: [ours.txqlen, attrs.txqlen], operstate: [ours.operstate, attrs.operstate], linkmode: [ours.linkmode, attrs.linkmode],
    ifalias: [ours.ifalias, attrs.ifalias], group: [ours.group, attrs.group], promiscuity: [ours.promiscuity, attrs.promiscuity], numTxQueues: [ours.numTxQueues, attrs.numTxQueues],
    numRxQueues: [ours.numRxQueues, attrs.numRxQueues], carrier: [ours.carrier, attrs.carrier], carrierChanges: [ours.carrierChanges, attrs.carrierChanges], gsoMaxSegs: [ours.gsoMaxSegs, attrs.gsoMaxSegs],
    gsoMaxSize: [ours.gsoMaxSize, attrs.gsoMaxSize], carrierUpCount: [ours.carrierUpCount, attrs.carrierUpCount], carrierDownCount: [ours.carrierDownCount, attrs.carrierDownCount],
    minMtu: [ours.minMtu, attrs.minMtu], maxMtu: [ours.maxMtu, attrs.maxMtu], rxPackets: [ours.stats64?.rxPackets, attrs.stats64?.rxPackets], txBytes: [ours.stats64?.txBytes, attrs.stats64?.txBytes],
  }
}

function ofAddr (message: Message): Pairs {
  const ours = addr.decode(message)
  const { data, attrs } = structs.parseAddressMessage(message.payload)
  return {
    family: [ours.family, data.family], prefixlen: [ours.prefixlen, data.prefixlen], scope: [ours.scope, data.scope], index: [ours.index, data.index],
    address: [address(ours.address), hex(attrs.address)], local: [address(ours.local), hex(attrs.local)], label: [ours.label, attrs.label], broadcast: [address(ours.broadcast), hex(attrs.broadcast)],
    prefered: [ours.cacheinfo?.prefered, attrs.cacheInfo?.ifaPrefered], valid: [ours.cacheinfo?.valid, attrs.cacheInfo?.ifaValid],
  }
}

function ofRoute (message: Message): Pairs {
  const ours = route.decode(message)
  const { data, attrs } = structs.parseRouteMessage(message.payload)
  return {
    family: [ours.family, data.family], dstLen: [ours.dstLen, data.dstLen], srcLen: [ours.srcLen, data.srcLen], tos: [ours.tos, data.tos],
    dst: [address(ours.dst), hex(attrs.dst)], gateway: [address(ours.gateway), hex(attrs.gateway)], oif: [ours.oif, attrs.oif], priority: [ours.priority, attrs.priority], prefsrc: [address(ours.prefsrc), hex(attrs.prefsrc)],
    table: [ours.table, attrs.table],
  }
}

function ofNeigh (message: Message): Pairs {
  const ours = neigh.decode(message)
  const { data, attrs } = structs.parseNeighborMessage(message.payload)
  return {
    family: [ours.family, data.family], ifindex: [ours.ifindex, data.ifindex], dst: [address(ours.dst), hex(attrs.dst)], lladdr: [flat(ours.lladdr), hex(attrs.lladdr)],
    probes: [ours.probes, attrs.probes], used: [ours.cacheinfo?.used, attrs.cacheInfo?.used],
  }
}

const families: readonly (readonly [first: number, pairs: (message: Message) => Pairs])[] = [[16, ofLink], [20, ofAddr], [24, ofRoute], [28, ofNeigh]]

for (const name of fixtures) {
  test(`rtnl: the npm package reads rtnl-${name} as we do`, async () => {
    let compared = 0
    for (const message of (await fixture(name)).messages) {
      const [, pairs] = families.find(([first]) => message.type === first || message.type === first + 1) ?? []
      if (pairs === undefined) continue
      for (const [key, [ours, theirs]] of Object.entries(pairs(message))) {
        if (ours === undefined || theirs === undefined) continue
        assert.equal({ [key]: number(ours) }, { [key]: number(theirs) })
        compared++
      }
    }
    assert.ok(compared > 0)
  })
}

test.run()
