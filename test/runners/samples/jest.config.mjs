const { SAMPLE_ROOT, SAMPLE_POOL } = process.env

export default { testEnvironment: 'node', testMatch: ['**/samples/jest/*.test.mjs'], transform: {}, cacheDirectory: `${SAMPLE_ROOT}/jest`, maxWorkers: 2, workerThreads: SAMPLE_POOL === 'threads', watchman: false }
