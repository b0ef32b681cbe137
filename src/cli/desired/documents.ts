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
  /** What keeps some of the files from being read; the others are read all the same. */
  readonly issues: readonly Issue[]
}

/** What is read of a directory, as a shell's `*.yaml` finds it: not those below, nor the hidden ones that editors make. */
const NAMES = /^[^.].*\.(?:json|ya?ml|xml)$/

/** Reads a file, all files of a directory in the order of their names, or standard input. */
export async function readDocuments (context: Pick<Context, 'read'>, place: string): Promise<Documents> {
  if (place === '-') return { ...await readAll(context, [{ name: 'standard input', file: '-' }]), path: undefined }
  const path = await realpath(place).catch(() => place)
  const directory = await stat(path).then((found) => found.isDirectory(), () => false)
  if (!directory) return { ...await readAll(context, [{ name: place, file: place }]), path }
  const names = (await readdir(path)).filter((name) => NAMES.test(name)).sort()
  if (names.length === 0) throw new Failure({ driver: `no *.json, *.yaml, *.yml or *.xml in directory '${place}'` })
  return { ...await readAll(context, names.map((name) => ({ name: join(place, name), file: join(place, name) }))), path }
}

async function readAll (context: Pick<Context, 'read'>, files: readonly { readonly name: string, readonly file: string }[]): Promise<Omit<Documents, 'path'>> {
  const documents: Document[] = []
  const issues: Issue[] = []
  for (const { name, file } of files) {
    const text = await context.read(file)
    try { documents.push(...await documentsIn(text, name)) } catch (error) {
      if (!(error instanceof InputError)) throw error
      issues.push(...error.issues)
    }
  }
  return { documents, issues }
}

/** The form is told by the name, else by how the text begins. */
async function documentsIn (text: string, name: string): Promise<readonly Document[]> {
  const first = /[^ \t\r\n\ufeff]/.exec(text)?.[0]
  const yaml = /\.ya?ml$/.test(name) || !(/\.(?:json|xml)$/.test(name) || first === '<' || first === '{' || first === '[')
  return yaml ? await (await import('./yaml.js')).yamlDocuments(text, name) : [readDocument(text, name)]
}
