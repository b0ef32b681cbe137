/** What failed and why, in few lines: the end of a run's output, since of a long log often only the end is kept. */

/** Lines of one failure, of all of them, and characters of a line. */
const most = { each: 12, all: 60, width: 240 } as const

const short = (line: string): string => line.length <= most.width ? line : `${line.slice(0, most.width)}…`
const full = (lines: readonly string[]): string[] => lines.map((line) => line.trimEnd()).filter((line) => line !== '')
const isStack = (line: string): boolean => /^\s+at .*(?::\d+:\d+\)?|<anonymous>\)?)$/.test(line)

/** The failed tests in uvu's output: name, message, expected and actual, without the stack. */
function failedTests (lines: readonly string[]): string[][] {
  const starts = lines.flatMap((line, at) => /^\s+FAIL\s+"/.test(line) ? [at] : [])
  return starts.map((start, at) => {
    const own = lines.slice(start, starts[at + 1])
    const end = own.findIndex((line) => isStack(line) || /^ {2}Total: /.test(line))
    return own.slice(0, end < 0 ? undefined : end)
  })
}

/** Its beginning; of what is not a failed test (a check, a file that crashed or hung) the end says why. */
function cut (lines: readonly string[], from: 'begin' | 'end'): string[] {
  if (lines.length <= most.each) return [...lines]
  const left = `    … ${String(lines.length - most.each + 1)} more lines`
  return from === 'begin' ? [...lines.slice(0, most.each - 1), left] : [left, ...lines.slice(1 - most.each)]
}

/** The lines for the files and checks that failed, given their outputs without colours. */
export function digest (failed: readonly { readonly name: string, readonly why: string, readonly output: string }[]): string[] {
  const all = failed.flatMap(({ name, why, output }) => {
    const lines = full(output.split('\n'))
    const tests = failedTests(lines)
    return [`FAIL ${name}: ${why}`, ...tests.length > 0 ? tests.flatMap((test) => cut(test, 'begin')) : cut(lines, 'end')]
  })
  const some = all.length <= most.all ? all : [...all.slice(0, most.all - 1), `… ${String(all.length - most.all + 1)} more lines`]
  return some.map(short)
}
