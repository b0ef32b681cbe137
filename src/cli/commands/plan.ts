/** What `apply` would do, as `terraform plan`. */
import type { Command } from '../command.js'

export const command: Command = {
  name: 'plan',
  group: 'Definitions',
  summary: 'show what apply would change, and whom it would interrupt',
  description: 'Compares what a file says with what is there, and changes nothing. Each change has its reason and says what it does to traffic: nothing, a blip, an outage. JSON, YAML or XML with any number of networks and ports; a directory means all its *.json, *.yaml, *.yml and *.xml. Exit code 0, with --detailed-exitcode 2 where something would change.',
  parameters: [
    { kind: 'data', name: 'file', names: 'file', description: 'file or directory; - is standard input' },
    { kind: 'flag', name: 'prune', description: 'also what was made from this file and is not in it any more' },
    { kind: 'text', name: 'source', named: true, value: 'NAME', description: 'what the file is known by (default: its path)' },
    { kind: 'flag', name: 'detailed-exitcode', description: 'exit with 2 where something would change' },
  ],
  run: async (values, context) => {
    const { showPlan } = await import('../desired/run.js')
    if (await showPlan(values, context) && values.flag('detailed-exitcode')) context.exitWith(2)
  },
}
