/** All verbs. A new one is one file in `commands/` and one line here; nothing of it is loaded before it is called. */
import type { Command } from './command.js'
import { UsageError } from './failure.js'

interface Entry {
  readonly name: string
  readonly aliases?: readonly string[]
  load (): Promise<Command>
}

const entries: readonly Entry[] = [
  { name: 'net-autostart', load: async () => (await import('./commands/net-autostart.js')).command },
  { name: 'net-create', load: async () => (await import('./commands/net-create.js')).command },
  { name: 'net-define', load: async () => (await import('./commands/net-define.js')).command },
  { name: 'net-destroy', load: async () => (await import('./commands/net-destroy.js')).command },
  { name: 'net-dhcp-leases', load: async () => (await import('./commands/net-dhcp-leases.js')).command },
  { name: 'net-dumpxml', load: async () => (await import('./commands/net-dumpxml.js')).command },
  { name: 'net-edit', load: async () => (await import('./commands/net-edit.js')).command },
  { name: 'net-info', load: async () => (await import('./commands/net-info.js')).command },
  { name: 'net-list', load: async () => (await import('./commands/net-list.js')).command },
  { name: 'net-name', load: async () => (await import('./commands/net-name.js')).command },
  { name: 'net-start', load: async () => (await import('./commands/net-start.js')).command },
  { name: 'net-undefine', load: async () => (await import('./commands/net-undefine.js')).command },
  { name: 'net-uuid', load: async () => (await import('./commands/net-uuid.js')).command },
  { name: 'render', load: async () => (await import('./commands/render.js')).command },
  { name: 'mac', load: async () => (await import('./commands/mac.js')).command },
  { name: 'bridge add', aliases: ['bridge addbr'], load: async () => (await import('./commands/bridge-add.js')).command },
  { name: 'bridge del', aliases: ['bridge delbr'], load: async () => (await import('./commands/bridge-del.js')).command },
  { name: 'bridge addif', load: async () => (await import('./commands/bridge-addif.js')).command },
  { name: 'bridge delif', load: async () => (await import('./commands/bridge-delif.js')).command },
  { name: 'bridge stp', load: async () => (await import('./commands/bridge-stp.js')).command },
  { name: 'bridge setfd', load: async () => (await import('./commands/bridge-setfd.js')).command },
  { name: 'bridge show', load: async () => (await import('./commands/bridge-show.js')).command },
  { name: 'tap add', load: async () => (await import('./commands/tap-add.js')).command },
  { name: 'tap del', load: async () => (await import('./commands/tap-del.js')).command },
  { name: 'autostart-all', load: async () => (await import('./commands/autostart-all.js')).command },
  { name: 'events', load: async () => (await import('./commands/events.js')).command },
  { name: 'check', load: async () => (await import('./commands/check.js')).command },
  { name: 'demo', load: async () => (await import('./commands/demo.js')).command },
]

const answersTo = (entry: Entry, name: string): boolean =>
  entry.name === name || entry.name === `net-${name}` || (entry.aliases ?? []).includes(name)

const familyOf = (first: string): Entry[] => entries.filter((entry) => entry.name.startsWith(`${first} `))

/** The verbs of two words that begin with this one: those of `bridge`. */
export async function familyCommands (first: string): Promise<Command[]> {
  return await Promise.all(familyOf(first).map((entry) => entry.load()))
}

/** The verb that the words begin with, and the words after it. @throws UsageError `unknown command: 'x'`. */
export async function findCommand (words: readonly string[]): Promise<{ readonly command: Command, readonly rest: readonly string[] }> {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(' ')
    const entry = words.length < length ? undefined : entries.find((each) => answersTo(each, name))
    if (entry !== undefined) return { command: await entry.load(), rest: words.slice(length) }
  }
  const [first = ''] = words
  const family = familyOf(first).map(({ name }) => name.slice(first.length + 1))
  if (family.length > 0) throw new UsageError(`${first}: say what to do: ${family.join(', ')}`, `netwright help ${first}`)
  throw new UsageError(`unknown command: '${first}'`, 'netwright --help lists all')
}

/** All of them, for the help text. */
export async function allCommands (): Promise<Command[]> {
  return await Promise.all(entries.map((entry) => entry.load()))
}
