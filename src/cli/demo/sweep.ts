/** What killed demonstrations have left: their process is gone, their namespaces stand, their dnsmasq runs. */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { deleteNetns, openHost } from '../../index.js'
import { DIRECTORIES, NAMESPACES, PREFIX, refused, roles } from './stage.js'

const exists = async (path: string): Promise<boolean> => await stat(path).then(() => true, () => false)

/** The names of demonstrations whose process is gone. */
export async function leftovers (): Promise<readonly string[]> {
  const names = (await Promise.all([DIRECTORIES, NAMESPACES].map((directory) => readdir(directory).catch(() => [])))).flat()
  const pids = new Set(names.map((name) => new RegExp(`^${PREFIX}(\\d+)(?:-|$)`).exec(name)?.[1]).filter((pid) => pid !== undefined))
  const gone = await Promise.all([...pids].map(async (pid) => await exists(`/proc/${pid}`) ? [] : [`${PREFIX}${pid}`]))
  return gone.flat()
}

/** Removes them. */
export async function sweep (names: readonly string[]): Promise<void> {
  try {
    for (const name of names) {
      const root = join(DIRECTORIES, name)
      const host = join(NAMESPACES, `${name}-host`)
      if (await exists(host) && await exists(root)) await stopNetworks(host, root)
      for (const role of roles) if (await exists(join(NAMESPACES, `${name}-${role}`))) await deleteNetns(`${name}-${role}`)
      await rm(root, { recursive: true, force: true })
    }
  } catch (error) { throw refused(error) }
}

async function stopNetworks (netns: string, root: string): Promise<void> {
  const host = await openHost({ netns, root, supervise: false, thread: false })
  try {
    for (const { name, active } of await host.networks()) if (active) await (await host.network(name)).destroy()
  } finally { await host.close() }
}
