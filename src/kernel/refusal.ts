/** What the addon throws (`code`, `errno`, `syscall`) as the errors that callers know. */
import { constants } from 'node:os'
import { isError, KernelError, NetwrightError, type ErrorFacts } from '../errors.js'
import { errnoName } from '../netlink/errno.js'

function errnoOf (error: unknown): number | undefined {
  if (!isError(error)) return undefined
  if ('errno' in error && typeof error.errno === 'number') return Math.abs(error.errno)
  return undefined
}

/** `TUNSETIFF vnet0: EBUSY`. `request` is the call or file, `object` what it was about. An error that carries no errno is returned as it is. */
export function refusal (error: unknown, request: string, object: string, facts: ErrorFacts = {}): unknown {
  const errno = errnoOf(error)
  if (errno === undefined || error instanceof NetwrightError) return error
  const name = errnoName(errno)
  const remedy = errno === constants.errno.EPERM || errno === constants.errno.EACCES ? { remedy: 'run as root, or with CAP_NET_ADMIN' } : {}
  return new KernelError({ request, object, errno, errnoName: name }, { cause: error, ...remedy, ...facts })
}
