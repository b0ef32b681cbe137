/** Words that the host bridge verbs share, and how one waits for a confirmation. */
import type { BondMode, HostBridgeInput, Trial } from '../index.js'
import type { Context, Parameter, Values } from './command.js'
import { Failure, UsageError } from './failure.js'
import { seconds } from './bridge-words.js'

export const hostBridgeParameter: Parameter = { kind: 'data', name: 'bridge', names: 'bridge', description: 'name of the bridge' }

export const bondModes: readonly BondMode[] = ['balance-rr', 'active-backup', 'balance-xor', 'broadcast', '802.3ad', 'balance-tlb', 'balance-alb']

function bondMode (text: string): BondMode {
  const mode = bondModes.find((one) => one === text)
  if (mode === undefined) throw new UsageError(`--bond-mode is one of ${bondModes.join(', ')}, not '${text}'`)
  return mode
}

/** What `--uplink`, `--vlan`, `--bond` and `--bond-mode` ask for. */
export function wishes (values: Values): Omit<HostBridgeInput, 'name'> {
  const [uplink, vlan, bond, mode] = ['uplink', 'vlan', 'bond', 'bond-mode'].map((name) => values.text(name))
  if (uplink === undefined && bond === undefined) throw new UsageError('say which NIC: --uplink DEV, or --bond DEV,DEV', 'ip link show')
  if (vlan !== undefined && !/^\d{1,4}$/.test(vlan)) throw new UsageError(`--vlan '${vlan}' is not a number`)
  if (mode !== undefined && bond === undefined) throw new UsageError('--bond-mode goes with --bond')
  return {
    ...uplink === undefined ? {} : { uplink }, ...vlan === undefined ? {} : { vlan: Number(vlan) },
    ...bond === undefined ? {} : { bond: { members: bond.split(',').filter((name) => name !== ''), ...mode === undefined ? {} : { mode: bondMode(mode) } } },
  }
}

export const confirmSeconds = (text: string | undefined, byDefault: number): number => text === undefined ? byDefault : seconds(text)

/** Waits until a change is confirmed, here or elsewhere. Throws where it was taken back. */
export async function decide (trial: Trial, context: Context): Promise<void> {
  const { signal, terminal } = context
  const { name, confirmWithin } = trial
  if (confirmWithin === 0) { await trial.confirm(); return }
  context.data({ name, state: 'trial', confirmWithin })
  context.extra(`It is taken back in ${String(confirmWithin)} s unless you confirm it: netwright host-bridge confirm ${name}${terminal ? ', or press Enter here' : ''}\n`)
  const stop = new Promise<'stop'>((resolve) => { if (signal.aborted) resolve('stop'); else signal.addEventListener('abort', () => { resolve('stop') }) })
  const entered = terminal ? context.ask('').then((answer) => answer === '' ? 'entered' as const : stop) : stop
  const decision = await Promise.race([trial.outcome, stop, entered])
  if (decision === 'entered') { await trial.confirm(); return }
  if (decision === 'kept') return
  if (decision === 'stop') await trial.takeBack()
  throw new Failure({ driver: decision === 'stop' ? 'interrupted: everything was taken back' : `nobody confirmed the change within ${String(confirmWithin)} s: it was taken back` })
}
