/** The version of this package. */
import { readFile } from 'node:fs/promises'

export async function version (): Promise<string> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8')
  return /"version":\s*"([^"]*)"/.exec(text)?.[1] ?? 'unknown'
}
