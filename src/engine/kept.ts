/** Interfaces that are kept for the next attach of a guest's name: a file a guest, beside the networks, durable as they are. */
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import { InputError } from '../errors.js'
import type { Context } from './context.js'
import { makeDirectory, namesIn, readIfThere, removeFile, removeTemps, syncDirectory, writeAtomic } from './files.js'
import { fileName } from './places.js'

const interfaceShape = v.strictObject({ type: v.literal('network'), source: v.string(), mac: v.string(), model: v.string(), dev: v.exactOptional(v.string()), link: v.exactOptional(v.literal('down')) })
/** `dev` where a name was asked for. */
export type KeptInterface = v.InferOutput<typeof interfaceShape>
const frame = v.strictObject({ version: v.literal(1), name: v.string(), interfaces: v.array(interfaceShape) })

const SUFFIX = '.json'
const pathOf = ({ places }: Pick<Context, 'places'>, name: string): string => join(places.domains, `${fileName(name)}${SUFFIX}`)

/** None where there is no file. Throws InputError for one that somebody has spoilt: what it said must not be lost in silence. */
export async function readKept (context: Pick<Context, 'places'>, name: string): Promise<readonly KeptInterface[]> {
  const path = pathOf(context, name)
  const text = await readIfThere(path)
  if (text === undefined) return []
  let data: unknown
  try { data = JSON.parse(text) } catch { throw spoilt(path, 'it is not JSON') }
  const parsed = v.safeParse(frame, data)
  if (!parsed.success) throw spoilt(path, `${v.getDotPath(parsed.issues[0]) ?? ''}: ${parsed.issues[0].message}`)
  if (parsed.output.name !== name) throw spoilt(path, `it is of '${parsed.output.name}'`)
  return parsed.output.interfaces
}

/** For whom something is kept, sorted. Files that are spoilt are passed over: whoever asks for that guest is told. */
export async function keptNames (context: Pick<Context, 'places'>): Promise<string[]> {
  const files = (await namesIn(context.places.domains)).filter((file) => file.endsWith(SUFFIX))
  const names = files.flatMap((file) => { try { return [decodeURIComponent(file.slice(0, -SUFFIX.length))] } catch { return [] } })
  return names.filter((name) => files.includes(`${fileName(name)}${SUFFIX}`)).sort()
}

const spoilt = (path: string, why: string): InputError => new InputError([{ file: path, message: `not what netwright has written: ${why}` }], { remedy: `mend the file, or remove it: rm '${path}'` })

/** Callers hold the lock of the definitions. */
export async function writeKept (context: Pick<Context, 'places'>, name: string, interfaces: readonly KeptInterface[]): Promise<void> {
  const path = pathOf(context, name)
  await removeTemps(dirname(path))
  if (interfaces.length === 0) {
    if (await removeFile(path)) await syncDirectory(dirname(path))
    return
  }
  await makeDirectory(dirname(path), 0o755)
  await writeAtomic(path, `${JSON.stringify({ version: 1, name, interfaces }, undefined, 2)}\n`, { durable: true })
}
