/** A text in the person's editor. Source: tools/vsh.c, vshEditWriteToTempFile, vshEditFile. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from './failure.js'

/** A temporary file being edited. */
export interface Draft {
  /** Opens the editor ($VISUAL, $EDITOR, vi) on it; resolves with the text when the editor has ended. */
  edit (): Promise<string>
  /** Removes the file. */
  discard (): Promise<void>
}

function editorOf (environment: NodeJS.ProcessEnv): string {
  return [environment.VISUAL, environment.EDITOR].find((name) => name !== undefined && name !== '') ?? 'vi'
}

/** Runs the editor through `sh`, so that `EDITOR='code --wait'` works; the file's name is never part of the script. */
async function run (editor: string, file: string): Promise<void> {
  const { spawn } = await import('node:child_process')
  const child = spawn('sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' })
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (...end) => { resolve(end) })
  })
  if (signal !== null) throw new Failure({ driver: `the editor '${editor}' was ended by ${signal}` })
  if (code !== 0) throw new Failure({ driver: `the editor '${editor}' ended with exit code ${String(code)}`, remedy: 'set VISUAL or EDITOR to an editor that is installed' })
}

/** Writes `text` to a file of ours alone below $TMPDIR. The caller must `discard` it. */
export async function draft (text: string): Promise<Draft> {
  const directory = await mkdtemp(join(tmpdir(), 'netwright-'))
  const file = join(directory, 'network.xml')
  await writeFile(file, text, { mode: 0o600 })
  return {
    edit: async () => {
      await run(editorOf(process.env), file)
      return await readFile(file, 'utf8')
    },
    discard: () => rm(directory, { recursive: true, force: true }),
  }
}
