/** Virtual machines of a test: QEMU processes inside the test's namespaces, with emulated processors. */
import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { initramfs } from '../../examples/initramfs.js'
import type { Background } from './command.js'
import type { Namespace } from './namespace.js'

/** What scripts/setup has unpacked. */
const files = 'dist/guest'

export interface Machine extends Background {
  /** Its QMP socket. */
  readonly qmp: string
  /** Resolves when its guest has said that on its console: `guest: eth0 has 10.7.0.9/24`. */
  says (what: RegExp): Promise<RegExpMatchArray>
}

/** A QEMU that has not begun to run its guest (`-S`): it answers at its monitor, and no guest does anything. */
export async function paused (ns: Namespace, directory: string, name: string, args: readonly string[] = []): Promise<Machine> {
  return await machine(ns, join(directory, name), ['-S', ...args])
}

/** One that boots a guest which asks DHCP for every card it sees, also for one that comes later. `outside`: an address for it to ping. */
export async function booted (ns: Namespace, directory: string, name: string, { outside = '', args = [] }: { readonly outside?: string, readonly args?: readonly string[] } = {}): Promise<Machine> {
  const image = join(directory, `${name}.initramfs`)
  await writeFile(image, await initramfs(files))
  return await machine(ns, join(directory, name), ['-serial', 'stdio', '-kernel', join(files, 'vmlinuz'), '-initrd', image, '-append', `console=ttyS0 quiet panic=-1 outside=${outside}`, ...args])
}

async function machine (ns: Namespace, qmp: string, args: readonly string[]): Promise<Machine> {
  const program = ns.spawn('qemu-system-x86_64', ['-accel', 'tcg', '-m', '128', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-qmp', `unix:${qmp},server=on,wait=off`, ...args])
  await listening(program, qmp)
  return { ...program, qmp, says: async (what) => await program.until(what, 120_000) }
}

/** Until its monitor's socket is there. */
async function listening (program: Background, qmp: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; ;) {
    if (await access(qmp).then(() => true, () => false)) return
    if (program.child.exitCode !== null || Date.now() > deadline) throw new Error(`no QEMU listens at ${qmp}:\n${program.output()}`)
    await sleep(20)
  }
}
