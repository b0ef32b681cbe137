/** Names of guests. */
import { InputError } from '../errors.js'
import { hidesSomething, shown } from '../network/checks/review.js'
import { fileName } from './places.js'

/** Bytes of a file's name, with room for `.json` and a temporary file's longer one. */
const LONGEST = 200

/** It becomes a file's name. Throws InputError. */
export function checkName (name: string): void {
  const why = name === '' ? 'it is empty'
    : /[/\n]/.test(name) || hidesSomething(name) ? `'${shown(name)}' holds a character that no name may hold`
      : fileName(name).length > LONGEST ? 'it is too long' : undefined
  if (why !== undefined) throw new InputError([{ path: 'domain', message: `no name of a domain: ${why}` }])
}
