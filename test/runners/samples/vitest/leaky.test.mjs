import { isMainThread } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { leaves } from '../body.mjs'

test('a forgotten network', async () => {
  expect(isMainThread).toBe(process.env.SAMPLE_POOL === 'forks')
  await leaves()
})
