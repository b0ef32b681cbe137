/** What netwright's own thread holds. Imported before the first host is opened, since Node tells of a thread when it begins. */
import { subscribe } from 'node:diagnostics_channel'
import type { Worker } from 'node:worker_threads'
import type { Host } from 'netwright'

const threads = new Set<Worker>()
subscribe('worker_threads', (message) => { threads.add((message as { readonly worker: Worker }).worker) })

/** Bytes of its heap, after collecting garbage: nobody can ask another thread for that but by a snapshot, which begins with it. */
export async function engineHeap (host: Host): Promise<number> {
  for (const thread of threads) for await (const _ of await thread.getHeapSnapshot()) { /* read to its end: Node 20 crashes at exit where one is left */ }
  return (await host.diagnostics()).heapBytes
}
