/** One process of the command line: runs commands one after another. */
import type { Command, Values } from './command.js'
import { allCommands, familyCommands, findCommand } from './commands.js'
import { Failure } from './failure.js'
import { refuseRemote, type Given } from './globals.js'
import { commandHelp, familyHelp, generalHelp } from './help.js'
import { version } from './version.js'
import { hosts, type Hosts } from './hosts.js'
import { parseCommand } from './parse.js'
import { contextOf, report, type World } from './world.js'

export interface Session {
  /** Runs one command. Resolves with whether it succeeded; prints everything else. `line` is its place in the input. */
  run (words: readonly string[], base: Given, line?: number): Promise<boolean>
  /** Prints an error that is nobody's command's. */
  report (error: unknown, base: Given, line?: number): void
  /** Closes the hosts that were opened. */
  close (): Promise<void>
}

/** The help or version that was asked for by an option, instead of a verb's work; undefined when none was. */
async function asked (words: readonly string[], given: Given): Promise<string | undefined> {
  if (given.has('version')) return `${await version()}\n`
  const [first, about, ...more] = words
  if (first === undefined) return generalHelp(allCommands)
  const family = more.length === 0 && ['--help', '-h', 'help'].includes(about ?? '') ? familyCommands(first) : []
  return family.length > 0 ? familyHelp(family) : undefined
}

/** The verb itself: virsh prints an empty line after each command, failed ones too. */
async function perform (world: World, open: Hosts, command: Command, values: Values, given: Given, line: number | undefined): Promise<boolean> {
  const context = contextOf(world, open, given, command)
  const started = process.hrtime.bigint()
  let done = true
  try {
    if (given.has('readonly') && command.changes !== undefined) throw new Failure({ driver: `operation forbidden: read only access prevents ${command.changes}` })
    done = await command.run(values, context) !== false
  } catch (error) {
    done = false
    report(world, error, given, line)
  }
  if (given.has('timing')) world.out.write(`\n(Time: ${(Number(process.hrtime.bigint() - started) / 1e6).toFixed(3)} ms)\n\n`)
  else context.extra('\n')
  return done
}

async function run (world: World, open: Hosts, words: readonly string[], base: Given, line: number | undefined): Promise<boolean> {
  let given = base
  try {
    const text = await asked(words, base)
    if (text !== undefined) {
      world.out.write(text)
      return true
    }
    const { command, rest } = findCommand(words)
    const parsed = parseCommand(command, rest)
    given = new Map([...base, ...parsed.given])
    if (given.has('help')) {
      world.out.write(commandHelp(command))
      return true
    }
    const uri = given.get('connect')
    if (typeof uri === 'string') refuseRemote(uri)
    return await perform(world, open, command, parsed.values, given, line)
  } catch (error) {
    report(world, error, given, line)
    return false
  }
}

/** A session of the world. */
export function session (world: World): Session {
  const open = hosts(world)
  return {
    run: (words, base, line) => run(world, open, words, base, line),
    report: (error, given, line) => { report(world, error, given, line) },
    close: () => open.close(),
  }
}
