/** Words that the bridge verbs share. */
import type { Parameter } from './command.js'
import { UsageError } from './failure.js'

export const bridgeParameter: Parameter = { kind: 'data', name: 'bridge', names: 'bridge', description: 'name of the bridge' }
export const deviceParameter: Parameter = { kind: 'data', name: 'device', names: 'link', description: 'name of the link' }

/** `on`, `yes`, `1`, `off`, `no`, `0`: what `brctl stp` takes. */
export function onOff (text: string): boolean {
  if (['on', 'yes', '1'].includes(text)) return true
  if (['off', 'no', '0'].includes(text)) return false
  throw new UsageError(`'${text}' is neither on nor off`)
}

/** Seconds, with a fraction if need be. */
export function seconds (text: string): number {
  if (!/^\d+(?:\.\d+)?$/.test(text)) throw new UsageError(`'${text}' is not a number of seconds`)
  return Number(text)
}
