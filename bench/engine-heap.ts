/** What netwright's own thread holds: asked of V8 over the inspector, as a debugger does. A heap snapshot would leave its garbage collector slower for good. */
import { Session } from 'node:inspector/promises'

interface Reply { readonly id: number, readonly result?: { readonly usedSize?: number } }

const session = new Session()
const threads = new Set<string>()
const waiting = new Map<number, (reply: Reply) => void>()
let last = 0
let begun: Promise<unknown> | undefined

async function begin (): Promise<void> {
  session.connect()
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId } }) => { threads.add(sessionId) })
  session.on('NodeWorker.detachedFromWorker', ({ params: { sessionId } }) => { threads.delete(sessionId) })
  session.on('NodeWorker.receivedMessageFromWorker', ({ params: { message } }) => {
    const reply = JSON.parse(message) as Reply
    waiting.get(reply.id)?.(reply)
    waiting.delete(reply.id)
  })
  await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
}

async function ask (sessionId: string, method: string): Promise<Reply> {
  const id = ++last
  const answered = new Promise<Reply>((resolve) => { waiting.set(id, resolve) })
  await session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id, method }) })
  return await answered
}

/** Bytes of all threads' heaps, after collecting garbage. */
export async function engineHeap (): Promise<number> {
  await (begun ??= begin())
  let bytes = 0
  for (const thread of threads) {
    await ask(thread, 'HeapProfiler.collectGarbage')
    bytes += (await ask(thread, 'Runtime.getHeapUsage')).result?.usedSize ?? Number.NaN
  }
  return bytes
}
