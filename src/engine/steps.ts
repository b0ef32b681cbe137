/** The points at which a change can be stopped: each external effect has one before it. */

import { InputError, NetwrightError } from '../errors.js'

/** Programs without types pass anything. */
function isSignal (value: unknown): value is AbortSignal {
  return typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value && 'removeEventListener' in value
}

/** Throws NETWRIGHT_ABORTED, with the signal's reason as cause, where the caller has had enough; NETWRIGHT_INVALID for what is no signal. */
export function stopIfAborted (signal: AbortSignal | undefined, what: string): void {
  if (signal !== undefined && !isSignal(signal)) throw new InputError([{ path: 'signal', message: 'not an AbortSignal' }])
  if (signal?.aborted === true) throw new NetwrightError('NETWRIGHT_ABORTED', `${what} was aborted`, { cause: signal.reason })
}

/** Called before each effect with its name; may throw. Tests fail or kill here; it is not part of the public options. */
export type StepHook = (step: string) => void | Promise<void>

export interface Steps {
  /** Throws the signal's reason where it is aborted, else whatever the hook throws. */
  before (step: string): Promise<void>
}

export function steps (hook: StepHook | undefined, signal: AbortSignal | undefined): Steps {
  return { before: async (step) => {
    stopIfAborted(signal, step)
    await hook?.(step)
  } }
}

/** While undoing nothing stops us but the hook of a fault test. */
export const undoSteps = (hook: StepHook | undefined): Steps => steps(hook, undefined)
