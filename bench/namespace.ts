/** Fresh network namespaces, made and deleted with iproute2. A dead namespace's bridges hold RTNL for everybody, so each is waited for until it is really gone. */
import { setTimeout as sleep } from 'node:timers/promises'
import { exec, must } from '../test/harness/command.js'

/** Seconds that the kernel may take to tear down 200 bridges on a busy machine. */
const PATIENCE = 120
let count = 0

/** `nw-bench-N`, loopback up. */
export async function fresh (): Promise<string> {
  const name = `nw-bench-${count++}`
  await must('ip', ['netns', 'add', name])
  await must('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
  return name
}

/** `ip netns del`. Resolves when the kernel is done: a veth whose other end is inside goes away exactly then. */
export async function gone (name: string): Promise<void> {
  const witness = `gone${count++}`
  await must('ip', ['link', 'add', witness, 'type', 'veth', 'peer', 'name', witness, 'netns', name])
  await must('ip', ['netns', 'del', name])
  const deadline = Date.now() + PATIENCE * 1000
  while (Date.now() < deadline) {
    if ((await exec('ip', ['link', 'show', 'dev', witness])).code !== 0) return
    await sleep(20)
  }
  throw new Error(`namespace ${name} is still there after ${PATIENCE} s: somebody holds it`)
}

/** Runs `work` in a fresh namespace, which is really gone when this resolves. Where the work fails that is what is thrown: what it left may hold the namespace. */
export async function within<T> (work: (name: string) => Promise<T>): Promise<T> {
  const name = await fresh()
  let result: T
  try { result = await work(name) } catch (error) {
    await gone(name).catch(() => undefined)
    throw error
  }
  await gone(name)
  return result
}

/** A program inside that must succeed. */
export async function inside (name: string, command: string, ...args: readonly string[]): Promise<string> {
  return await must('ip', ['netns', 'exec', name, command, ...args], { timeoutMs: 120_000 })
}
