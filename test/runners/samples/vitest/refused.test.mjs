import { isMainThread } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { refuses } from '../body.mjs'

test('errors are typed', async () => {
  expect(isMainThread).toBe(process.env.SAMPLE_POOL === 'forks')
  await refuses()
})
