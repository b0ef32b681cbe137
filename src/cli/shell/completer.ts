/** TAB at the interactive shell: the same candidates as in bash, quoted as `tokens` reads them. */
import { readdir } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { candidates } from '../completion/candidates.js'
import type { Paths, Surroundings } from '../completion/names.js'
import { openedBy, quote } from '../completion/quote.js'
import { typed } from '../tokens.js'

/** Files and directories that begin so; a directory ends with a slash, hidden ones only where a dot was typed. */
async function paths (partial: string, kind: Paths): Promise<readonly string[]> {
  const whole = partial.endsWith('/')
  const directory = whole ? partial : dirname(partial)
  const begun = whole ? '' : basename(partial)
  const before = partial.slice(0, partial.length - begun.length)
  const entries = await readdir(directory === '' ? '.' : directory, { withFileTypes: true }).catch(() => [])
  return entries.filter(({ name }) => name.startsWith(begun) && (begun.startsWith('.') || !name.startsWith('.')))
    .flatMap((entry) => entry.isDirectory() ? [`${before}${entry.name}/`] : kind === 'file' ? [before + entry.name] : []).sort()
}

/** Whole words for what the line ends with, and that end as it stands there: what node:readline wants. One alone is followed by a space, or its closing quote. */
export async function complete (line: string, where: Surroundings): Promise<[hits: string[], raw: string]> {
  const { words, partial, raw } = typed(line)
  const found = await candidates(words, partial, where)
  const files = found.paths === undefined ? [] : await paths(partial.slice(found.before.length), found.paths)
  const opened = openedBy(raw)
  const texts = [...found.candidates.map(({ text }) => text), ...files.map((path) => found.before + path)]
  const hits = texts.map((text) => opened + quote(text, opened)).filter((text) => text.startsWith(raw))
  const [only, ...others] = hits
  return [others.length > 0 || only === undefined || only.endsWith('/') ? hits : [`${only}${opened} `], raw]
}
