/** What FILE, DIR or `-` says should stand. */
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError, readDocument, type Document, type Issue } from '../../index.js'
import type { Context } from '../command.js'
import { Failure } from '../failure.js'

export interface Documents {
  readonly documents: readonly Document[]
  /** The absolute real path; undefined for standard input. */
  readonly path: string | undefined
}

/** What is read of a directory: not those below, and nothing else. */
const NAMES = /\.(?:json|ya?ml|xml)$/

/** Reads a file, all files of a directory in the order of their names, or standard input. Throws InputError with the complaints of all of them. */
export async function readDocuments (context: Pick<Context, 'read'>, place: string): Promise<Documents> {
  if (place === '-') return { documents: await documentsIn(await context.read('-'), 'standard input'), path: undefined }
  const path = await realpath(place).catch(() => place)
  const directory = await stat(path).then((found) => found.isDirectory(), () => false)
  if (!directory) return { documents: await documentsIn(await context.read(place), place), path }
  const names = (await readdir(path)).filter((name) => NAMES.test(name)).sort()
  const documents: Document[] = []
  const issues: Issue[] = []
  for (const name of names) {
    try { documents.push(...await documentsIn(await context.read(join(place, name)), join(place, name))) } catch (error) {
      if (!(error instanceof InputError)) throw error
      issues.push(...error.issues)
    }
  }
  if (issues.length > 0) throw new InputError(issues)
  if (names.length === 0) throw new Failure({ driver: `no *.json, *.yaml, *.yml or *.xml in directory '${place}'` })
  return { documents, path }
}

/** The form is told by the name, else by how the text begins. */
async function documentsIn (text: string, name: string): Promise<readonly Document[]> {
  const first = /[^ \t\r\n\ufeff]/.exec(text)?.[0]
  const yaml = /\.ya?ml$/.test(name) || !(/\.(?:json|xml)$/.test(name) || first === '<' || first === '{' || first === '[')
  return yaml ? await (await import('./yaml.js')).yamlDocuments(text, name) : [readDocument(text, name)]
}
