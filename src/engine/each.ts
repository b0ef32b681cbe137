/** The same for many, a few at a time. */

/** Two a processor keep it busy. */
const AT_ONCE = 8

/** Runs `work` for each. After a failure no more are begun, what has begun comes to its end, and the first reason is thrown. */
export async function each<T> (items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const failed: unknown[] = []
  const worker = async (): Promise<void> => {
    while (queue.length > 0 && failed.length === 0) for (const item of queue.splice(0, 1)) await work(item).catch((error: unknown) => { failed.push(error) })
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, worker))
  if (failed.length > 0) throw failed[0]
}
