/** errno numbers and their names, as the kernel's headers spell them. Source: include/uapi/asm-generic/errno*.h, by `os.constants.errno`. */
import { constants } from 'node:os'
import { isError, KernelError } from '../errors.js'

/** What netlink answers and `os.constants.errno` does not list. ENOTSUPP is internal to the kernel (include/linux/errno.h) and escapes all the same. */
const others: Readonly<Record<string, number>> = {
  ENOTBLK: 15, EUNATCH: 49, EXFULL: 54, ENONET: 64, ENOLINK: 67, ECOMM: 70, EBADFD: 77, EUSERS: 87, ESOCKTNOSUPPORT: 94,
  EPFNOSUPPORT: 96, ESHUTDOWN: 108, EHOSTDOWN: 112, EREMOTEIO: 121, ENOMEDIUM: 123, ENOKEY: 126, ERFKILL: 132, ENOTSUPP: 524,
}

/** Two names share a number; the kernel's own sentences use these. */
const preferred: readonly string[] = ['EAGAIN', 'EOPNOTSUPP']

const names: ReadonlyMap<number, string> = new Map([
  ...Object.entries(others),
  ...Object.entries(constants.errno),
  ...Object.entries(constants.errno).filter(([name]) => preferred.includes(name)),
].map(([name, number]) => [number, name]))

/** `EEXIST` for 17 (or -17, as netlink carries it); `errno 999` where the number has no name. */
export function errnoName (errno: number): string {
  return names.get(Math.abs(errno)) ?? `errno ${String(Math.abs(errno))}`
}

/** Is this error, native (`code`) or KernelError (`errnoName`), the errno of that name? `isErrno(error, 'ENOENT')`. */
export function isErrno (error: unknown, name: string): boolean {
  if (error instanceof KernelError) return error.errnoName === name
  return isError(error) && 'code' in error && error.code === name
}
