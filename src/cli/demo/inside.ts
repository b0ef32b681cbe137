/** The parent's side of an agent: a helper process inside one namespace. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Failure } from '../failure.js'

const agent = fileURLToPath(new URL('./agent.js', import.meta.url))

/** Something that can be asked to act inside a namespace. */
export interface Inside {
  readonly pid: number
  /** The answer to a verb of `agent.ts`. Throws with its words when it fails, and when the signal aborts. One question at a time. */
  ask (signal: AbortSignal, verb: string, ...words: readonly string[]): Promise<string>
  /** Ends it and whatever it has started; resolves when it is gone. */
  end (): Promise<void>
}

/** Starts an agent in the namespace at `path`. `nsenter --net=PATH`, in a session of its own: a Ctrl-C at the terminal is for the parent alone, which tidies up. */
export async function inside (path: string, signal: AbortSignal): Promise<Inside> {
  const child = spawn('nsenter', [`--net=${path}`, process.execPath, agent], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], detached: true })
  await heard(child, signal)
  return {
    pid: child.pid ?? -1,
    ask: async (limit, ...question) => {
      const answer = heard(child, limit)
      child.send(question)
      return await answer
    },
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.disconnect()
      await gone
    },
  }
}

async function heard (child: ChildProcess, signal: AbortSignal): Promise<string> {
  const over = new AbortController()
  try {
    const limit = { signal: AbortSignal.any([signal, over.signal]) }
    const messages: readonly unknown[] = await Promise.race([
      once(child, 'message', limit),
      once(child, 'exit', limit).then(([code]) => { throw new Error(`the helper process ended with ${String(code)}`) }),
    ])
    const answer: readonly unknown[] = Array.isArray(messages[0]) ? messages[0] : []
    const [done, text] = answer
    if (done !== true) throw new Failure({ driver: String(text) })
    return String(text)
  } finally {
    over.abort()
  }
}
