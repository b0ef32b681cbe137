/** What is asked of a host bridge, checked. */
import { InputError, type Issue } from '../errors.js'
import { isIfName, parseIfName } from '../values/ifname.js'
import type { BondMode, HostBridgeInput, TrialOptions } from './host-bridge-api.js'
import type { HostBridgeDefinition } from './host-bridge-store.js'

/** By their numbers in the kernel. Source: include/uapi/linux/if_bonding.h, BOND_MODE_*. */
export const bondModes = ['balance-rr', 'active-backup', 'balance-xor', 'broadcast', '802.3ad', 'balance-tlb', 'balance-alb'] as const satisfies readonly BondMode[]

/** Seconds in a day: whoever wants longer keeps it. */
const LONGEST = 86_400

/** Throws NETWRIGHT_INVALID with every complaint and its place. */
export function checkedHostBridge (input: HostBridgeInput): HostBridgeDefinition {
  const issues: Issue[] = []
  const name = (text: unknown, path: string): void => {
    try { parseIfName(typeof text === 'string' ? text : String(text), path) } catch (error) {
      if (!(error instanceof InputError)) throw error
      issues.push(...error.issues)
    }
  }
  if (!isObject(input)) throw new InputError([{ message: 'not an object' }])
  const { uplink, vlan, bond } = input
  name(input.name, 'name')
  if ((uplink === undefined) === (bond === undefined)) issues.push({ path: 'uplink', message: 'say either what the uplink is, or which NICs the bond has' })
  if (uplink !== undefined) name(uplink, 'uplink')
  if (uplink !== undefined && uplink === input.name) issues.push({ path: 'name', message: `the bridge needs another name than its uplink ${JSON.stringify(uplink)}` })
  if (vlan !== undefined && (!Number.isInteger(vlan) || vlan < 1 || vlan > 4094)) issues.push({ path: 'vlan', message: `${String(vlan)} is not a VLAN: 1 to 4094` })
  if (bond !== undefined) issues.push(...checkBond(bond, name))
  const lower = bond === undefined ? uplink ?? '' : bond.name ?? BOND
  if (vlan !== undefined && isIfName(lower)) name(vlanName(lower, vlan), 'vlan')
  if (issues.length > 0) throw new InputError(issues)
  return { name: input.name, ...uplink === undefined ? {} : { uplink }, ...vlan === undefined ? {} : { vlan }, ...bond === undefined ? {} : { bond: { ...bond, members: [...bond.members] } } }
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** The name of a bond that was given none. */
export const BOND = 'bond0'
/** As `ip` and most of the world name them: `eth0.20`. */
export const vlanName = (lower: string, vlan: number): string => `${lower}.${String(vlan)}`

function checkBond ({ members, mode, name }: NonNullable<HostBridgeInput['bond']>, check: (text: unknown, path: string) => void): Issue[] {
  if (name !== undefined) check(name, 'bond.name')
  if (!Array.isArray(members)) return [{ path: 'bond.members', message: 'not a list of links' }]
  const issues: Issue[] = []
  for (const [at, member] of members.entries()) check(member, `bond.members[${String(at)}]`)
  if (members.length === 0) issues.push({ path: 'bond.members', message: 'a bond without members carries nothing' })
  if (new Set(members).size < members.length) issues.push({ path: 'bond.members', message: 'a member is named twice' })
  if (mode !== undefined && !bondModes.includes(mode)) issues.push({ path: 'bond.mode', message: `${JSON.stringify(mode)} is not a mode: ${bondModes.join(', ')}` })
  return issues
}

/** Seconds. Throws NETWRIGHT_INVALID. */
export function checkedTime ({ confirmWithin }: Pick<TrialOptions, 'confirmWithin'>, byDefault: number): number {
  const seconds = confirmWithin ?? byDefault
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0 || seconds > LONGEST) throw new InputError([{ path: 'confirmWithin', message: `not a number of seconds between 0 and ${String(LONGEST)}` }])
  return seconds
}
