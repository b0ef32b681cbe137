/** The real command, run as people run it: `node dist/src/cli/main.js` in another process. */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { exec, type ExecOptions, type Outcome } from '../harness/command.js'
import type { KernelTest } from '../harness/kernel-test.js'

/** The program. */
export const program = started(new URL('../../src/cli/main.js', import.meta.url))

export interface CommandLine {
  /** Its root directory, below the test's own. */
  readonly root: string
  /** `netwright --root ROOT --netns NAME WORDS`. */
  run (words: readonly string[], options?: ExecOptions): Promise<Outcome>
  /** The same, which must succeed without a word on standard error; its standard output. */
  must (...words: string[]): Promise<string>
  /** A shell script inside the namespace, where `netwright` is a command. */
  shell (script: string, options?: ExecOptions): Promise<Outcome>
}

/** A command line for a test's first namespace. */
export async function commandLine ({ ns, tmp }: Pick<KernelTest, 'ns' | 'tmp'>): Promise<CommandLine> {
  const root = join(tmp, 'root')
  const bin = join(tmp, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'netwright'), `#!/bin/sh\nexec ${process.execPath} ${program} --root ${root} --netns ${ns.name} "$@"\n`)
  await chmod(join(bin, 'netwright'), 0o755)
  const run = (words: readonly string[], options?: ExecOptions): Promise<Outcome> => exec(join(bin, 'netwright'), words, options)
  return {
    root, run,
    must: async (...words) => {
      const { stdout, stderr, code } = await run(words)
      if (code !== 0 || stderr !== '') throw new Error(`netwright ${words.join(' ')}: exit code ${String(code)}\n${stderr}${stdout}`)
      return stdout
    },
    shell: (script, options) => ns.exec('sh', ['-ec', script], { ...options, env: { ...options?.env, PATH: `${bin}:${process.env.PATH ?? ''}`, NETWRIGHT_ROOT: root, ROOT: root } }),
  }
}
