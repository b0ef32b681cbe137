/** One test that leaves something behind on purpose: node dist/test/harness/leak.js KIND. The harness's own test expects it to fail. */
import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { test } from 'uvu'
import { must } from './command.js'
import { kernelTest, type TestNamespace } from './kernel-test.js'

const kinds: Readonly<Record<string, (ns: TestNamespace) => Promise<unknown>>> = {
  link: (ns) => ns.must('ip', ['link', 'add', 'left0', 'type', 'bridge']),
  address: (ns) => ns.must('ip', ['addr', 'add', '192.0.2.77/32', 'dev', 'lo']),
  rule: (ns) => ns.must('ip', ['rule', 'add', 'from', '192.0.2.78', 'table', '77']),
  table: (ns) => ns.must('nft', ['add', 'table', 'inet', 'left']),
  forwarding: (ns) => ns.must('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']),
  machine: () => must('ip', ['link', 'add', 'left1', 'type', 'bridge']),
  namespace: () => must('ip', ['netns', 'add', 'left2']),
  descriptor: () => Promise.resolve(openSync('/etc/passwd', 'r')),
  held: (ns) => Promise.resolve(openSync(ns.path, 'r')),
  file: async () => { await mkdir('/run/netwright'); await writeFile('/run/netwright/left', '') },
  process: () => new Promise((resolve) => { spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' }).on('spawn', resolve).unref() }),
  nothing: () => Promise.resolve(),
}

kernelTest(test, 'leak: leaves something behind', async ({ ns }) => { await kinds[process.argv[2] ?? '']?.(ns) })
test.run()
