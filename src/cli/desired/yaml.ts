/** YAML as documents: data, with the line and column of each part. One file may hold several. Source: yaml.org, version 1.2, core schema; merge keys (`<<`). */
import { InputError, type Document, type Issue } from '../../index.js'

type Place = NonNullable<ReturnType<NonNullable<Extract<Document, { readonly data: unknown }>['placeOf']>>>

/** How often an alias is followed: more is an attack. */
const MOST_ALIASES = 100
/** Bytes, as of JSON and XML. A file is never read further than a little beyond: half a list would look like a whole one, and --prune would remove the rest. */
const MOST = 2 ** 20

/** Reads it strictly: a key twice, an unknown tag or a warning is an error, and so is more than 1 MiB. Throws InputError with file, line and column. */
export async function yamlDocuments (text: string, file: string): Promise<readonly Document[]> {
  if (Buffer.byteLength(text) > MOST) throw new InputError([{ message: 'not read: larger than 1 MiB', file, line: 1, column: 1 }])
  const { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } = await import('yaml')
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text.replace(/^\ufeff/, ''), { lineCounter: lines, prettyErrors: false, merge: true, strict: true, uniqueKeys: true, intAsBigInt: false, logLevel: 'silent' })
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  // An array also where there is nothing but comments.
  const documents = [...parsed]
  const issues = documents.flatMap(({ errors, warnings }): Issue[] => [...errors, ...warnings].map(({ message, pos: [offset] }) => ({ message: `not YAML: ${message}`, file, ...at(offset) })))
  if (issues.length > 0) throw new InputError(issues)
  return documents.map((document): Document => {
    const step = (node: unknown, key: string): unknown => {
      const found = isAlias(node) ? node.resolve(document) : node
      if (isSeq(found)) return found.items[Number(key)]
      const pair = isMap(found) ? found.items.find((item) => isScalar(item.key) && String(item.key.value) === key) : undefined
      return pair?.value ?? pair?.key
    }
    const placeOf = (path: string): Place | undefined => {
      let node: unknown = document.contents
      for (const key of path === '' ? [] : path.split(/[.[\]]+/).filter((part) => part !== '')) node = step(node, key)
      const range: unknown = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined
      return Array.isArray(range) && typeof range[0] === 'number' ? at(range[0]) : undefined
    }
    try { return { data: document.toJS({ maxAliasCount: MOST_ALIASES }), placeOf, file } } catch (error) {
      throw new InputError([{ message: `not YAML: ${error instanceof Error ? error.message : String(error)}`, file, ...placeOf('') ?? { line: 1, column: 1 } }])
    }
  })
}
