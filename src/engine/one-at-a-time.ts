/**
 * Deletions that hold RTNL for long: one of this process is under way at a time, whatever the hosts and namespaces. Whoever waits for RTNL is served in the order
 * of asking, so behind several of them he would wait for all.
 */
let last: Promise<unknown> = Promise.resolve()

/** Runs `work` after all that asked before. Throws what it throws. */
export async function oneAtATime<T> (work: () => Promise<T>): Promise<T> {
  const mine = last.then(work)
  last = mine.catch(() => undefined)
  return await mine
}
