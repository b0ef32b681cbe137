import { isMainThread } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { works } from '../body.mjs'

test('a network comes and goes', async () => {
  expect(isMainThread).toBe(process.env.SAMPLE_POOL === 'forks')
  await works()
})
