/** The main job, shown: a network from XML, a guest that uses it, and then no trace of it. */
import type { Command } from '../command.js'

export const command: Command = {
  name: 'demo',
  group: 'Netwright itself',
  summary: 'show what netwright does, in namespaces of its own',
  description: 'Makes three network namespaces (a guest, its host, the internet), starts a NAT network, lets the guest get a lease, resolve a name and ' +
    'fetch a page, shows what stands, and removes all of it. Touches nothing else. Needs root, or a user namespace as scripts/quickstart makes one. ' +
    'Exit code 1 where anything of it does not hold.',
  parameters: [],
  run: async (_values, context) => await (await import('../demo/story.js')).play(context),
}
