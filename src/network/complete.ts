/** From a spec to a definition: what chance or the host chose is put in, for the network's life. Pure; the engine chooses. */
import { InputError } from '../errors.js'
import { parseCidr } from '../values/cidr.js'
import { checkNetwork, withChoices } from './check.js'
import { gatewayOf } from './defaults.js'
import type { Definition, NetworkSpec } from './spec.js'

/** What a spec may leave open. A choice is used only where the spec has nothing of its own. */
export interface Choices {
  readonly uuid: string
  readonly mac: string
  /** The first free name of `bridgeTemplate(spec)`; a template in the spec is replaced by it. */
  readonly bridge: string
  /** `10.128.3.0/24`, for a spec with `auto`. */
  readonly subnet?: string
  /** For forwards whose port is `auto`, in their order. */
  readonly ports?: readonly number[]
}

/** Puts the choices into what the spec leaves open. Throws InputError where they make no valid network, or where an automatic subnet was not chosen. */
export function complete (spec: NetworkSpec, choices: Choices): Definition {
  const { auto, ip, ...rest } = { ...spec, ...spec.forwards === undefined ? {} : { forwards: withPorts(spec.forwards, choices.ports ?? []) } }
  const name = spec.bridge.name?.includes('%d') === false ? spec.bridge.name : choices.bridge
  if (auto !== undefined && choices.subnet === undefined) throw new InputError([{ message: 'an automatic subnet is still to be chosen', path: 'subnet' }])
  const own = { uuid: spec.uuid ?? choices.uuid, mac: spec.mac ?? choices.mac, bridge: name }
  // A subnet that comes only now may clash with the network's other addresses and its routes, so all is checked again.
  const complete = withChoices(auto === undefined || choices.subnet === undefined ? { ip, ...rest } : checkNetwork({ ...rest, ip: [gatewayOf(parseCidr(choices.subnet, 'subnet'), auto.dhcp), ...ip] }), own)
  if (isDefinition(complete)) return complete
  throw new InputError([{ message: `${JSON.stringify(name)} is not a bridge's name`, path: 'bridge.name' }])
}

function withPorts (forwards: NonNullable<NetworkSpec['forwards']>, ports: readonly number[]): NonNullable<NetworkSpec['forwards']> {
  const left = [...ports]
  return forwards.map((forward) => forward.port === 'auto' ? { ...forward, port: left.shift() ?? 'auto' } : forward)
}

/** Whether nothing is left open: what stored files and running networks are. */
export function isDefinition (spec: NetworkSpec): spec is NetworkSpec & Definition {
  const { uuid, mac, bridge: { name }, auto, forwards = [] } = spec
  return uuid !== undefined && mac !== undefined && name !== undefined && !name.includes('%') && auto === undefined && forwards.every(({ port }) => port !== 'auto')
}

/** The names to try, `%d` counted up from 0: the user's template, or libvirt's `virbr%d`. Undefined where the spec names its bridge. */
export function bridgeTemplate ({ bridge: { name } }: Pick<NetworkSpec, 'bridge'>): string | undefined {
  return name === undefined ? 'virbr%d' : name.includes('%d') ? name : undefined
}
