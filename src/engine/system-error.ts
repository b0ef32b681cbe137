/** What the system refuses to our files (no room, too many of them open, not allowed), as errors that callers know. */
import { dirname } from 'node:path'
import { isError, NetwrightError } from '../errors.js'
import { refusal } from '../kernel/refusal.js'

interface SystemError extends Error { readonly errno: number, readonly code: string, readonly syscall?: string, readonly path?: string }

const isSystemError = (error: unknown): error is SystemError =>
  isError(error) && !(error instanceof NetwrightError) && 'errno' in error && typeof error.errno === 'number' && 'code' in error && typeof error.code === 'string'

const remedies: Readonly<Record<string, (path: string) => string>> = {
  ENOSPC: (path) => `make room on the file system of ${path}: df ${dirname(path)}`,
  EDQUOT: (path) => `make room on the file system of ${path}: quota`,
  EMFILE: () => 'let this process open more files: ulimit -n, or LimitNOFILE= of its systemd unit',
  ENFILE: () => 'let this host open more files: sysctl fs.file-max',
  EROFS: (path) => `the file system of ${path} is mounted read-only: give another root`,
}

/** NETWRIGHT_NO_PERMISSION, or KernelError with a remedy; any other error is returned as it is. */
export function typedError (error: unknown): unknown {
  if (!isSystemError(error)) return error
  const { code, syscall = 'call', path = 'the file system' } = error
  if (code === 'EACCES' || code === 'EPERM') return new NetwrightError('NETWRIGHT_NO_PERMISSION', `${syscall} ${path}: permission denied`, { cause: error, remedy: 'run as root' })
  const remedy = remedies[code]
  return refusal(error, syscall, path, remedy === undefined ? {} : { remedy: remedy(path) })
}

/** Runs `work`; its system errors come out typed. */
export async function typed<T> (work: () => Promise<T>): Promise<T> {
  try { return await work() } catch (error) { throw typedError(error) }
}
