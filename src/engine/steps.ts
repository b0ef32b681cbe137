/** The points at which a change can be stopped: each external effect has one before it. */

/** Called before each effect with its name; may throw. Tests fail or kill here; it is not part of the public options. */
export type StepHook = (step: string) => void | Promise<void>

export interface Steps {
  /** Throws the signal's reason where it is aborted, else whatever the hook throws. */
  before (step: string): Promise<void>
}

export function steps (hook: StepHook | undefined, signal: AbortSignal | undefined): Steps {
  return { before: async (step) => {
    signal?.throwIfAborted()
    await hook?.(step)
  } }
}

/** While undoing nothing stops us but the hook of a fault test. */
export const undoSteps = (hook: StepHook | undefined): Steps => steps(hook, undefined)
