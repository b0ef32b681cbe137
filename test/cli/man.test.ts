/** The man page as groff and man see it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { allCommands } from '../../src/cli/commands.js'
import { roff } from '../../src/cli/man.js'
import { exec, must } from '../harness/command.js'
import { has, skipLine } from '../harness/needs.js'
import { program } from './command-line.js'

const page = async (): Promise<string> => await must(process.execPath, [program, '-q', 'man'])

test('man: what roff would take for a request or an escape is text', () => {
  assert.is(roff('.so /etc/passwd\n.x'), '\\&.so /etc/passwd\n\\&.x')
  assert.is(roff("a\\b 'c' --d"), String.raw`a\(rsb \(aqc\(aq \-\-d`)
})

const name = 'man: groff has no complaint, and at 80 columns every verb and option stands there whole'
if (has('man')) {
  test(name, async () => {
    const roffText = await page()
    const { stderr, code } = await exec('groff', ['-man', '-ww', '-Tascii', '-z'], { input: roffText })
    assert.equal([code, stderr], [0, ''])
    const shown = await must('man', ['-P', 'cat', '-l', '-'], { input: roffText, env: { MANWIDTH: '80' } })
    for (const line of shown.split('\n')) assert.ok(line.length <= 80, line)
    for (const section of ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'COMMANDS', 'EXIT STATUS', 'ENVIRONMENT', 'FILES', 'EXAMPLES', 'SEE ALSO']) assert.match(shown, new RegExp(`^${section}$`, 'm'))
    for (const command of allCommands) {
      assert.match(shown, new RegExp(`^ {7}${command.name}( |$)`, 'm'))
      for (const parameter of command.parameters) assert.ok(shown.includes(parameter.name), `${command.name} ${parameter.name}`)
    }
  })
} else {
  process.stdout.write(skipLine('man', name))
  test.skip(name)
}

test.run()
