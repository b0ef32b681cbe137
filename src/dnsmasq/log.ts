/** dnsmasq's log: a file to which it writes through a descriptor that we give it, so that it outlives us, and can be cut while it runs. */
import { constants } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'

/** Where a log is cut, bytes. Routine DHCP traffic is not logged (`quiet-dhcp`), so this holds weeks. */
export const LOG_LIMIT = 256 * 1024
/** What is kept at a cut, bytes. */
const KEPT = 64 * 1024
/** One look at most, bytes: more than a start ever prints. */
const LOOK = 64 * 1024

/** Never through a symbolic link. The caller closes it. */
async function openLog (path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW)
}

/** The size of the log, bytes; 0 where there is none. */
export async function logSize (path: string): Promise<number> {
  return await stat(path).then(({ size }) => size, () => 0)
}

/** Control characters escaped: guests have a say in what is logged, and people read it on terminals. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const printable = (line: string): string => line.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, (character) => `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`)

async function textFrom (path: string, from: number): Promise<{ text: string, size: number }> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined)
  if (file === undefined) return { text: '', size: 0 }
  try {
    const { size } = await file.stat()
    // Cut meanwhile: everything in it is new.
    const start = Math.max(size < from ? 0 : from, size - LOOK)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start)
    return { text: buffer.toString('utf8', 0, bytesRead), size }
  } finally {
    await file.close()
  }
}

/** The last lines, oldest first, control characters escaped; `from`: only what was written behind this offset. */
export async function lastLines (path: string, from = 0, count = 10): Promise<string[]> {
  const { text } = await textFrom(path, from)
  return text.split('\n').filter((line) => line !== '').slice(-count).map(printable)
}

/** Cuts the log to its last 64 KiB where it is longer than `limit`. Lines written in that moment may be lost. */
export async function boundLog (path: string, limit = LOG_LIMIT): Promise<void> {
  if (await logSize(path) <= limit) return
  const file = await openLog(path)
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(Buffer.alloc(KEPT), 0, KEPT, Math.max(0, size - KEPT))
    const kept = buffer.subarray(0, bytesRead)
    await file.truncate(0)
    await file.appendFile(kept.subarray(kept.indexOf(10) + 1))
  } finally {
    await file.close()
  }
}
