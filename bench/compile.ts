/** The benchmark's own C programs, compiled on the spot. */
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { must } from '../test/harness/command.js'

const programs = new Map<string, Promise<string>>()

/** Path of a file in bench/, which is not compiled into dist/. */
export function sourceFile (name: string): string { return fileURLToPath(new URL(`../../bench/${name}`, import.meta.url)) }

/** `cc -O2 bench/NAME.c`, once; the path of the program, which lies below the sandbox's own /run. */
export async function compiled (name: 'floor' | 'probe' | 'udp'): Promise<string> {
  const known = programs.get(name)
  if (known !== undefined) return await known
  const made = (async () => {
    const program = join(await mkdtemp('/run/nw-bench-'), name)
    await must('cc', ['-O2', '-Wall', '-o', program, sourceFile(`${name}.c`)])
    return program
  })()
  programs.set(name, made)
  return await made
}
