/** Network namespaces of a test, made and deleted with iproute2, so that our own code is never its own oracle. */
import { open, readFile, type FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { background, exec, json, must, type Background, type ExecOptions, type Outcome } from './command.js'
import { settleMs } from './snapshot.js'

/** A named network namespace, loopback up. */
export interface Namespace {
  readonly name: string
  /** `/run/netns/NAME`. */
  readonly path: string
  /** An open descriptor of it, closed by the harness. */
  readonly fd: number
  /** Runs a program inside; a non-zero exit code is an outcome. */
  exec (command: string, args: readonly string[], options?: ExecOptions): Promise<Outcome>
  /** Runs a program inside that must succeed; returns its standard output. */
  must (command: string, args: readonly string[], options?: ExecOptions): Promise<string>
  /** Runs a program inside that prints JSON. */
  json<T = unknown> (command: string, args: readonly string[], options?: ExecOptions): Promise<T>
  /** Starts a program inside in the background; it is killed at the end of the test. */
  spawn (command: string, args: readonly string[], options?: Pick<ExecOptions, 'env' | 'cwd'>): Background
}

/** The namespaces and background programs of one test, in the order they were made. */
export interface Rig {
  add (): Promise<Namespace>
  /** Stops the background programs, newest first. */
  stopPrograms (): Promise<void>
  /** Deletes namespaces, newest first, until `keep` are left; each is really gone when this resolves. After a failure (`hasty`) what it holds open is no news and is not waited for. */
  remove (keep: number, hasty: boolean): Promise<void>
}

let count = 0

function make (name: string, handle: FileHandle, programs: Background[]): Namespace {
  const inside = (command: string, args: readonly string[]): string[] => ['netns', 'exec', name, command, ...args]
  return {
    name,
    path: `/run/netns/${name}`,
    fd: handle.fd,
    exec: (command, args, options) => exec('ip', inside(command, args), options),
    must: (command, args, options) => must('ip', inside(command, args), options),
    json: async <T>(command: string, args: readonly string[], options?: ExecOptions) => await json('ip', inside(command, args), options) as T,
    spawn: (command, args, options) => {
      const program = background('ip', inside(command, args), options)
      programs.push(program)
      return program
    },
  }
}

/**
 * `ip netns del`, then waits until the kernel has torn the namespace down, which it does later and only when nobody holds it.
 * A veth whose other end is inside goes away exactly then. A namespace that never goes is held by a leaked fd, thread or process.
 */
async function removeOne (name: string, handle: FileHandle, patienceMs: number): Promise<void> {
  const witness = `gone${String(process.pid % 10_000)}x${String(count++)}`
  await must('ip', ['link', 'add', witness, 'type', 'veth', 'peer', 'name', `${witness}i`, 'netns', name])
  await must('ip', ['netns', 'del', name])
  await handle.close()
  const deadline = Date.now() + patienceMs
  for (;;) {
    if (!(await readFile('/proc/self/net/dev', 'utf8')).includes(`${witness}:`)) return
    if (Date.now() > deadline) break
    await sleep(5)
  }
  await exec('ip', ['link', 'del', witness])
  throw new Error(`namespace ${name} was deleted but somebody still holds it: a leaked descriptor, a thread or a process inside`)
}

/** Nothing yet. */
export function rig (): Rig {
  const programs: Background[] = []
  const standing: { name: string, handle: FileHandle }[] = []
  return {
    add: async () => {
      const name = `nw-${String(process.pid)}-${String(count++)}`
      await must('ip', ['netns', 'add', name])
      const handle = await open(`/run/netns/${name}`, 'r')
      standing.push({ name, handle })
      await must('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
      return make(name, handle, programs)
    },
    stopPrograms: async () => {
      for (const program of programs.reverse()) await program.stop()
      programs.length = 0
    },
    remove: async (keep, hasty) => {
      const problems: unknown[] = []
      while (standing.length > keep) {
        const last = standing.pop()
        if (last === undefined) break
        await removeOne(last.name, last.handle, hasty ? 500 : 10 * settleMs).catch((error: unknown) => { problems.push(error) })
      }
      if (problems.length > 0) throw problems.length === 1 ? problems[0] : new AggregateError(problems, problems.map(String).join('\n'))
    },
  }
}

/** `ip link add NAME netns A type veth peer name NAME netns B`, both up. */
export async function veth (a: Namespace, aName: string, b: Namespace, bName: string): Promise<void> {
  await must('ip', ['-n', a.name, 'link', 'add', aName, 'type', 'veth', 'peer', 'name', bName, 'netns', b.name])
  await must('ip', ['-n', a.name, 'link', 'set', aName, 'up'])
  await must('ip', ['-n', b.name, 'link', 'set', bName, 'up'])
}
