/** What libvirt keeps of its networks. Source: src/network/bridge_driver.c of libvirt: /etc/libvirt/qemu/networks, autostart/, /run/libvirt/network. */
import { access, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../failure.js'

/** Where libvirtd's definitions lie, and what it keeps of those that run. */
export const DEFINITIONS = '/etc/libvirt/qemu/networks'
const STATE = '/run/libvirt/network'

/** A definition of libvirt's, unread. */
export interface Found { readonly file: string, readonly path: string, readonly autostart: boolean }

const there = async (path: string): Promise<boolean> => await access(path).then(() => true, () => false)

/** All `NAME.xml` of the directory, by name. A link to nowhere in autostart/ marks nothing. */
export async function definitionsIn (directory: string): Promise<readonly Found[]> {
  let names: string[]
  try { names = await readdir(directory) } catch (cause) {
    throw new Failure({ sentence: 'Failed to import networks', driver: `libvirt's directory ${directory} cannot be read: ${cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)}`, remedy: 'netwright import --from-libvirt DIR names another one' })
  }
  return await Promise.all(names.filter((name) => name.endsWith('.xml')).sort().map(async (file) => ({ file, path: join(directory, file), autostart: await there(join(directory, 'autostart', file)) })))
}

/** Whether a pid file of libvirt's names a dnsmasq that lives: libvirt never removes them. */
async function dnsmasqLives (name: string): Promise<boolean> {
  const pid = /^\d+/.exec(await readFile(join(STATE, `${name}.pid`), 'utf8').catch(() => ''))?.[0]
  return pid !== undefined && (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() === 'dnsmasq'
}

/** Why libvirtd still has this network; undefined where it does not run there. */
export async function stillRuns (name: string, bridges: { readonly wanted: string | undefined, readonly foreign: ReadonlySet<string> }): Promise<string | undefined> {
  if (name.includes('/')) return undefined // no file of libvirt's can be called so
  if (await there(join(STATE, `${name}.xml`))) return `libvirt runs it: ${join(STATE, `${name}.xml`)} is there`
  if (await dnsmasqLives(name)) return `libvirt runs it: ${join(STATE, `${name}.pid`)} names a dnsmasq that lives`
  if (bridges.wanted !== undefined && bridges.foreign.has(bridges.wanted)) return `its bridge ${bridges.wanted} stands and is not netwright's`
  return undefined
}
