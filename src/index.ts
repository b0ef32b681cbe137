/** netwright: host networking for Linux, spoken directly to the kernel. */
export { openHost } from './engine/open.js'
export { render } from './engine/render.js'
export { parseDefinition } from './network/definition.js'
export { checkNetwork } from './network/check.js'
export { networkXml } from './network/xml/write.js'
export { createNetns, deleteNetns } from './kernel/netns.js'
export { randomMac } from './values/mac.js'
export { DecodeError, InputError, KernelError, NetwrightError, ProcessError } from './errors.js'
export type { ErrorCode, ErrorFacts, Issue } from './errors.js'
export type { Logger } from './log.js'
export type { Definition, DhcpHost, DhcpRange, ForwardMode, IpSpec, NetworkInput, NetworkSpec, RouteSpec } from './network/spec.js'
export type {
  BridgeInfo, CheckLine, Host, HostEvent, HostOptions, Lease, LeaseChange, Leases, Links, Network, NetworkDefinition, NetworkInfo, Options,
  Port, PortInfo, PortInput, Rendering, StartReport, TapInput, VethInput, Warning,
} from './engine/api.js'
