/**
 * `netwright/testing`: networks for tests, and proof that nothing is left of them. Knows no test runner: for node:test, vitest, jest and uvu alike, in
 * worker threads and processes.
 *
 *     import { assertNoLeaks, withNetwork } from 'netwright/testing'
 *
 *     test('guests get an address', async () => {
 *       await withNetwork({ name: 'red', forward: 'nat', subnet: '10.7.0.0/24', dhcp: true }, async ({ network }) => { … })
 *     })
 */
export { assertNoLeaks, leaks, look, type LeakOptions, type Look, type LookOptions } from './leaks.js'
export { withNetwork, type FreshStage, type Stage, type WithNetworkOptions } from './with-network.js'
