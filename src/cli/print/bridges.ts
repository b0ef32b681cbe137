/** brctl's table. Source: bridge-utils 1.7, brctl_cmd.c; compared with the real one in test/cli. */
import type { BridgeInfo } from '../../index.js'
import { escape } from './escape.js'

const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** `brctl show`: bridges and their ports in byte order, every port after the first on a line of its own. */
export function bridgeTable (bridges: readonly BridgeInfo[], headless: boolean): string {
  const lines = headless ? [] : ['bridge name\tbridge id\t\tSTP enabled\tinterfaces']
  for (const bridge of [...bridges].sort((a, b) => bytes(a.name, b.name))) {
    const [first = '', ...more] = [...bridge.ports].sort(bytes)
    lines.push(`${escape(bridge.name)}\t\t${bridge.id}\t${bridge.stp ? 'yes' : 'no'}\t\t${escape(first)}`, ...more.map((port) => `\t\t\t\t\t\t\t${escape(port)}`))
  }
  return lines.map((line) => `${line}\n`).join('')
}
