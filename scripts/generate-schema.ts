/**
 * Writes the JSON Schema of a network definition beside the compiled model; it ships with the package as `netwright/schema.json`.
 * Part of the build, after tsc:
 *
 *     node dist/scripts/generate-schema.js
 */
import { writeFileSync } from 'node:fs'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'
import { toJsonSchema } from '@valibot/to-json-schema'
import { inputSchema } from '../src/network/spec.js'

/** The schema of `NetworkInput`, draft 7 as editors take it. Same source as the types: src/network/spec.ts. */
export function networkJsonSchema (): Readonly<Record<string, unknown>> {
  return { ...toJsonSchema(inputSchema, { errorMode: 'throw', target: 'draft-07' }) }
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../src/network/schema.json', import.meta.url), `${JSON.stringify(networkJsonSchema(), null, 2)}\n`)
}
