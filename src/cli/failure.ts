/** Errors of the command line: virsh's own sentence in front of what went wrong below. */
import type { ErrorCode } from '../index.js'

/** `error: SENTENCE`, then `error: DRIVER`, or what `cause` says where there is no text of libvirt's for it. */
export class Failure extends Error {
  /** virsh's line: `Failed to start network red_nat`. */
  readonly sentence?: string
  /** libvirt's line: `Requested operation is not valid: network is already active`. */
  readonly driver?: string
  readonly remedy?: string
  constructor (lines: { readonly sentence?: string | undefined, readonly driver?: string | undefined, readonly remedy?: string | undefined }, cause?: unknown) {
    super([lines.sentence, lines.driver].filter((line) => line !== undefined).join('\n'), cause === undefined ? undefined : { cause })
    this.name = 'Failure'
    if (lines.sentence !== undefined) this.sentence = lines.sentence
    if (lines.driver !== undefined) this.driver = lines.driver
    if (lines.remedy !== undefined) this.remedy = lines.remedy
  }
}

/** The words of a command make no sense: `unknown command: 'net-strat'`. */
export class UsageError extends Failure {
  constructor (sentence: string, remedy?: string) {
    super({ sentence, remedy })
    this.name = 'UsageError'
  }
}

/** The stable code of an error of the library; undefined for any other. */
export function codeOf (error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** libvirt's text for a name and a uuid that belong to different networks: VIR_ERR_OPERATION_FAILED before the same words. */
export const operationFailed = (message: string): string => `operation failed: ${message}`

/**
 * Runs `action`; what it throws comes out below virsh's sentence, with libvirt's text where `texts` has one for its code (or makes one of our message).
 * Source: tools/virsh-network.c for the sentences, src/network/bridge_driver.c for the texts.
 */
export async function attempt <T> (sentence: string | undefined, texts: Partial<Record<ErrorCode, string | ((message: string) => string)>>, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof Failure) throw error
    const code = codeOf(error)
    const text = Object.entries(texts).find(([key]) => key === code)?.[1]
    throw new Failure({ sentence, driver: typeof text === 'function' ? text(error instanceof Error ? error.message : '') : text }, error)
  }
}
