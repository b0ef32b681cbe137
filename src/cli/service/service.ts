/** `netwright service install`, `remove` and `status`. */
import { mkdir, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Host, Network } from '../../index.js'
import { codeOf, Failure } from '../failure.js'
import { enabled, unitThere, type UnitPlace } from './place.js'
import { booted, systemctl } from './systemctl.js'
import { unitText } from './unit.js'

export interface Installed { readonly unit: string, readonly written: boolean, readonly enabled: boolean, readonly defined: boolean }

/** The network that libvirt brings. Source: src/network/default.xml.in of libvirt. */
const defaultName = 'default'
const defaultXml = (bridge: string): string => `<network>
  <name>${defaultName}</name>
  <forward mode='nat'/>${bridge}
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='192.168.122.2' end='192.168.122.254'/>
    </dhcp>
  </ip>
</network>`

/** Node and this program, by the paths that will be there at boot: what the wrapper in a checkout or npm's link points at. */
async function ownProgram (): Promise<string[]> {
  return await Promise.all([process.execPath, process.argv[1] ?? ''].map(async (path) => await realpath(path)))
}

/** The default network where no network has its name; undefined where one has, which stays as it is. */
async function defineDefault (host: Host, signal: AbortSignal): Promise<Network | undefined> {
  try {
    await host.network(defaultName, { signal })
    return undefined
  } catch (error) {
    if (codeOf(error) !== 'NETWRIGHT_NOT_FOUND') throw error
    try { return await host.define(defaultXml("\n  <bridge name='virbr0'/>"), { signal }) } catch (taken) {
      if (codeOf(taken) !== 'NETWRIGHT_NAME_IN_USE') throw taken
      return await host.define(defaultXml(''), { signal }) // another network was given the first free bridge
    }
  }
}

async function writeUnit ({ path }: UnitPlace, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const next = `${path}.${String(process.pid)}.new`
  try {
    await writeFile(next, text, { mode: 0o644, flag: 'wx' })
    await rename(next, path)
  } catch (error) {
    await rm(next, { force: true })
    throw error
  }
}

/** systemd is told of a change where it runs this system. */
async function reload ({ root }: UnitPlace): Promise<void> {
  if (root === undefined && await booted() && await systemctl('daemon-reload') === undefined) throw new Failure({ driver: 'systemctl daemon-reload failed', remedy: 'systemctl daemon-reload' })
}

/** Unit, link and default network: all of it, or what was made is taken away again. */
export async function install (place: UnitPlace, { host, signal, program }: { readonly host: () => Promise<Host>, readonly signal: AbortSignal, readonly program: string | undefined }): Promise<Installed> {
  const text = unitText({ program: program === undefined ? await ownProgram() : [program], ...place.owner === undefined ? {} : { owner: place.owner } })
  const before = await unitThere(place)
  const linked = await enabled(place)
  const open = place.owner === undefined || place.owner === 'system' ? await host() : undefined // the network is the system's
  const defined = open === undefined ? undefined : await defineDefault(open, signal)
  try {
    if (before !== text) await writeUnit(place, text)
    if (!linked) {
      await mkdir(dirname(place.link), { recursive: true })
      await symlink(place.target, place.link)
    }
    await reload(place)
  } catch (error) {
    await defined?.undefine()
    if (!linked) await rm(place.link, { force: true })
    if (before === undefined) await rm(place.path, { force: true })
    else if (before !== text) await writeUnit(place, before)
    throw error
  }
  return { unit: place.path, written: before !== text, enabled: !linked, defined: defined !== undefined }
}

/** Takes the link and the unit away; networks, definitions and what runs stay. Resolves with whether there was anything. */
export async function remove (place: UnitPlace): Promise<boolean> {
  const there = await unitThere(place)
  const linked = await enabled(place)
  if (linked) await rm(place.link)
  if (there !== undefined) await rm(place.path)
  if (linked || there !== undefined) await reload(place)
  return linked || there !== undefined
}

export interface Status {
  readonly unit: string
  readonly installed: boolean
  readonly enabled: boolean
  /** `active (exited)`; undefined where systemd does not run this system. */
  readonly state?: string
  readonly autostart: readonly string[]
}

export async function status (place: UnitPlace, autostart: readonly string[]): Promise<Status> {
  const [there, linked] = await Promise.all([unitThere(place), enabled(place)])
  const shown = place.root === undefined && await booted() ? await systemctl('show', '--property=ActiveState,SubState', '--value', place.name) : undefined
  const [active, sub] = shown?.trim().split('\n') ?? []
  return { unit: place.path, installed: there !== undefined, enabled: linked, ...active === undefined || sub === undefined ? {} : { state: `${active} (${sub})` }, autostart }
}
