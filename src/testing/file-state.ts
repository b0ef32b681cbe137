/** Netwright's files for a namespace, below a root and in the shared directory. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Where all owners of all roots meet. Source: engine/places.ts. */
const SHARED = '/run/netwright'

/** Every file that netwright keeps for this namespace (`id`), or for none; directories that are empty say nothing. */
export async function fileState (root: string, id: string): Promise<readonly string[]> {
  const run = join(root, 'run/netwright')
  const [etc, lib, own, shared] = await Promise.all([
    below(join(root, 'etc/netwright')), below(join(root, 'var/lib/netwright')), below(run), run === SHARED ? [] : below(SHARED),
  ])
  const concerns = (path: string): boolean => new RegExp(`/netns-${id}(?:[./]|$)`).test(path)
  return [...etc, ...lib.filter((path) => !path.includes('/netns-') || concerns(path)), ...own.filter((path) => path.includes('/owner-') || concerns(path)), ...shared.filter(concerns)].map((path) => `file ${path}`)
}

/** What cannot be read, or goes meanwhile, is not there. */
async function below (path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
  return (await Promise.all(entries.map(async (entry) => entry.isDirectory() ? await below(join(path, entry.name)) : [join(path, entry.name)]))).flat()
}
