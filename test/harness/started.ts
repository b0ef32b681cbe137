/** Programs that tests start. */
import { fileURLToPath } from 'node:url'

/**
 * The path of a program of ours, given where the compiler puts it. In a run of all tests (scripts/test has made dist/quick and dist/bundle then) it is
 * its bundle, which node starts in a third of the time.
 */
export function started (url: URL): string {
  const path = fileURLToPath(url)
  if (process.env.NETWRIGHT_TEST_QUICK !== '1') return path
  return path.replace(/\/dist\/(src|test)\/(?!.*\/dist\/)/, (_, part: string) => part === 'src' ? '/dist/bundle/' : '/dist/quick/programs/')
}
