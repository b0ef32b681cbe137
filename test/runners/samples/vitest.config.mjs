import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { include: ['samples/vitest/*.test.mjs'], cache: false, testTimeout: 30_000, minWorkers: 2, maxWorkers: 2 } })
