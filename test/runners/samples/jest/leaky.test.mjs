import { readFile } from 'node:fs/promises'
import { isMainThread } from 'node:worker_threads'
import { leaves } from '../body.mjs'

test('a forgotten network', async () => {
  expect(process.env.JEST_WORKER_ID).toMatch(/^[12]$/)
  expect(isMainThread).toBe(process.env.SAMPLE_POOL === 'forks')
  expect(await readFile('/nowhere').catch((error) => error instanceof Error)).toBe(false) // another realm
  await leaves()
}, 30_000)
