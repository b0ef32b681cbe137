/** What each handle can be asked for from another thread: every verb of the public face that returns a promise, by name. The compiler proves that none is missing. */
import type { Forwards, Host, HostAccess, Leases, LinkPool, Links, Network, Peers, Port, Rules } from '../engine/api.js'
import type { Domain } from '../engine/domain-api.js'
import type { HostBridges } from '../engine/host-bridge-api.js'
import type { NamespaceHost, Rig } from '../engine/rig.js'
import type { OnTrial } from '../engine/trial-api.js'

type Returning<T, R> = { [K in keyof T]-?: T[K] extends (...args: never[]) => R ? K : never }[keyof T]
/** Verbs with an answer. */
type Verbs<T> = Returning<T, PromiseLike<unknown>>
/** Verbs that go on answering. */
type Streams<T> = Returning<T, AsyncIterable<unknown>>
/** Parts with verbs of their own. */
type Parts<T> = { [K in keyof T]-?: T[K] extends object ? T[K] extends ((...args: never[]) => unknown) | PromiseLike<unknown> | readonly unknown[] ? never : [Verbs<T[K]>] extends [never] ? never : K : never }[keyof T]

export interface Shape<T> {
  readonly verbs: Readonly<Record<Verbs<T>, true>>
  readonly streams: Readonly<Record<Streams<T>, true>>
  readonly parts: { readonly [K in Parts<T>]: Shape<T[K]> }
}

/** What of a thing is asked for over there. */
export type Asked<T> = Pick<T, Verbs<T> | Streams<T> | Parts<T>>

const leases: Shape<Leases> = { verbs: { list: true, wait: true }, streams: { watch: true }, parts: {} }
const forwards: Shape<Forwards> = { verbs: { list: true, add: true, remove: true }, streams: {}, parts: {} }
const peers: Shape<Peers> = { verbs: { list: true, add: true, remove: true }, streams: {}, parts: {} }
const rules: Shape<Rules> = { verbs: { list: true, add: true, remove: true }, streams: {}, parts: {} }
const hostPolicy: Shape<HostAccess> = { verbs: { list: true, set: true }, streams: {}, parts: {} }
const pool: Shape<LinkPool> = { verbs: { fill: true }, streams: {}, parts: {} }
const hostBridge: Shape<HostBridges> = { verbs: { create: true, confirm: true, remove: true, list: true }, streams: {}, parts: {} }
const links: Shape<Links> = {
  verbs: { addBridge: true, deleteBridge: true, addPort: true, removePort: true, setStp: true, setForwardDelay: true, bridges: true, addTap: true, deleteTap: true }, streams: {}, parts: {},
}

export const network: Shape<Network> = {
  verbs: {
    info: true, spec: true, xml: true, update: true, start: true, stop: true, destroy: true, undefine: true, setAutostart: true, attach: true, ports: true, port: true, statistics: true, state: true, detach: true, [Symbol.asyncDispose]: true,
  },
  streams: {}, parts: { leases, forwards, peers, rules, hostPolicy },
}
export const port: Shape<Port> = { verbs: { send: true, offer: true, detach: true, statistics: true, state: true, setLink: true, [Symbol.asyncDispose]: true }, streams: {}, parts: {} }
export const domain: Shape<Domain> = {
  verbs: { interfaces: true, attach: true, attachKept: true, detach: true, addresses: true, link: true, setLink: true, statistics: true }, streams: {}, parts: {},
}
export const trial: Shape<OnTrial> = { verbs: { confirm: true, takeBack: true, [Symbol.asyncDispose]: true }, streams: {}, parts: {} }
export const rig: Shape<Rig> = { verbs: { drop: true, [Symbol.asyncDispose]: true }, streams: {}, parts: {} }

export const host: Shape<Host> = {
  verbs: {
    define: true, create: true, transaction: true, plan: true, apply: true, networks: true, network: true, port: true, domains: true, ports: true, attach: true, autostart: true, topology: true, check: true,
    settled: true, namespace: true, rig: true, diagnostics: true, close: true, [Symbol.asyncDispose]: true,
  },
  streams: { events: true }, parts: { pool, links, hostBridge },
}
export const namespaceHost: Shape<NamespaceHost> = { ...host, verbs: { ...host.verbs, drop: true } }
