/** Wrong programs that must not compile, against the compiled declarations as a user gets them: no Node types, library types checked. */
import { InputError, KernelError, NetwrightError, type ErrorCode } from '../../dist/src/errors.js'

// A code that does not exist cannot be compared with: a typing mistake in a handler is seen.
export const handle = (error: NetwrightError): boolean => {
  // @ts-expect-error -- no such code
  if (error.code === 'NETWRIGHT_SUBNET_USED') return true
  return error.code === 'NETWRIGHT_SUBNET_IN_USE'
}

// Errors are facts: nobody changes them on their way up.
export const blur = (error: KernelError): void => {
  // @ts-expect-error -- readonly
  error.errno = 0
}

// What only a kernel error has is not on the base class.
// @ts-expect-error -- narrow with instanceof first
export const errno = (error: NetwrightError): number => error.errno

export const sentence = (error: unknown): string | undefined => error instanceof KernelError ? error.sentence : undefined

// @ts-expect-error -- an input error lists issues, it is not made from a string
export const wrong = new InputError('name is missing')

export const codes: readonly ErrorCode[] = ['NETWRIGHT_KERNEL']
