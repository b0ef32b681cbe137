import { readFile } from 'node:fs/promises'
import { isMainThread } from 'node:worker_threads'
import { works } from '../body.mjs'

test('a network comes and goes', async () => {
  expect(process.env.JEST_WORKER_ID).toMatch(/^[12]$/)
  expect(isMainThread).toBe(process.env.SAMPLE_POOL === 'forks')
  expect(await readFile('/nowhere').catch((error) => error instanceof Error)).toBe(false) // another realm
  await works()
}, 30_000)
