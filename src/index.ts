/** netwright: host networking for Linux, spoken directly to the kernel. */
export { listNetworks, openHost } from './engine/open.js'
export { render } from './engine/render.js'
export { parseDefinition } from './network/definition.js'
export { checkNetwork } from './network/check.js'
export { networkXml } from './network/xml/write.js'
export { createNetns, deleteNetns } from './kernel/netns.js'
export { randomMac } from './values/mac.js'
export { DecodeError, InputError, KernelError, NetwrightError, ProcessError } from './errors.js'
export type { ErrorCode, ErrorFacts, Issue, Remains } from './errors.js'
export type { Logger } from './log.js'
export type { Definition, DhcpHost, DhcpRange, ForwardMode, IpSpec, NetworkInput, NetworkSpec, RouteSpec } from './network/spec.js'
export type {
  BridgeInfo, CheckLine, Committed, Consequence, Host, HostEvent, HostOptions, Lease, LeaseChange, Leases, Interruption, Links, Network, NetworkDefinition, NetworkInfo, NetworkWithPorts, Options,
  Port, PortInfo, PortInput, Rendering, StartReport, TapInput, Transaction, UpdateReport, VethInput, Warning,
} from './engine/api.js'
export type { Counted, Diagnostics } from './engine/tallies.js'
export type { DnsmasqTrace, NetlinkTrace, Operation, OperationTrace } from './diagnostics.js'
