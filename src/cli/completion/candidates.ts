/** Everything that may come next on a line: what the descriptions say, and what there is. */
import { namesOf, type Paths, type Surroundings } from './names.js'
import { wish, type Candidate } from './wish.js'

/** Whole words, `--network=` included; `paths` where files or directories may follow, which the shell knows better. */
export interface Candidates { readonly candidates: readonly Candidate[], readonly before: string, readonly paths?: Paths }

export async function candidates (words: readonly string[], partial: string, { given, ...where }: Surroundings): Promise<Candidates> {
  const { named, before, ...wished } = wish(words, partial)
  const whole = (found: readonly Candidate[]): readonly Candidate[] => found.map(({ text, description }) => ({ text: before + text, description }))
  if (named === 'file' || named === 'directory') return { candidates: whole(wished.candidates), before, paths: named }
  if (named === undefined || named === 'verb') return { candidates: whole(wished.candidates), before }
  const names = await namesOf(named, partial.slice(before.length), { ...where, values: wished.values, given: new Map([...given, ...wished.given]) })
  return { candidates: whole([...wished.candidates, ...names]), before }
}
