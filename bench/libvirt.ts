/**
 * libvirt, run for one network namespace: libvirtd and one virsh that reads commands from its standard input, so that no process is started for a
 * command. Both see mounts of their own (/etc/libvirt, /var/lib, /var/cache), users that Debian's libvirt-daemon-system would have made, and nothing
 * of the machine's. No unit, no default network, no D-Bus.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { access, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { background, exec } from '../test/harness/command.js'
import { gateway } from './objects.js'

/** Milliseconds for a command: destroying 100 networks takes libvirt three quarters of a minute. */
const PATIENCE = 240_000

const script = (directory: string): string => `set -e
mount -t tmpfs tmpfs /etc/libvirt
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /var/cache
mkdir -p /var/lib/libvirt /var/cache/libvirt
{ cat /etc/passwd; echo libvirt-qemu:x:64055:64055::/nonexistent:/bin/false; echo libvirt-dnsmasq:x:64056:64056::/nonexistent:/bin/false; } >${directory}/passwd
{ cat /etc/group; echo kvm:x:64057:; echo libvirt-qemu:x:64055:; echo libvirt-dnsmasq:x:64056:; } >${directory}/group
mount --bind ${directory}/passwd /etc/passwd
mount --bind ${directory}/group /etc/group
rm -rf /run/libvirt
printf 'unix_sock_dir = "${directory}"\\nauth_unix_rw = "none"\\nauth_unix_ro = "none"\\nlog_outputs = "4:stderr"\\n' >${directory}/libvirtd.conf
exec libvirtd -f ${directory}/libvirtd.conf -p ${directory}/pid
`

/** The same network that specs() of objects.ts describes. */
const xml = (i: number): string => {
  const net = gateway(i).replace(/1$/, '')
  return `<network><name>net${i}</name><forward mode='nat'/><bridge name='nb${i}' stp='off' delay='0'/><ip address='${gateway(i)}' netmask='255.255.255.0'><dhcp><range start='${net}2' end='${net}254'/></dhcp></ip></network>\n`
}

/** Undefined where it can be run, else what is missing. */
export async function missingLibvirt (): Promise<string | undefined> {
  for (const program of ['libvirtd', 'virsh']) if ((await exec('sh', ['-c', `command -v ${program}`])).code !== 0) return `missing: no ${program} (scripts/bench --install)`
  return undefined
}

export class Libvirt {
  readonly #virsh: ChildProcessWithoutNullStreams
  #output = ''
  /** Called whenever it has said something, or ended. */
  #heard: () => void = () => undefined

  constructor (virsh: ChildProcessWithoutNullStreams) {
    this.#virsh = virsh
    for (const stream of [virsh.stdout, virsh.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { this.#output += text; this.#heard() })
    virsh.on('exit', () => { this.#heard() })
  }

  /** Runs commands in the order given; resolves when all are done. Throws what virsh complains of. */
  async run (commands: readonly string[]): Promise<void> {
    this.#output = ''
    const done = `done-${process.hrtime.bigint()}`
    this.#virsh.stdin.write(`${commands.join('\n')}\necho ${done}\n`)
    // virsh repeats each command after its prompt; then comes what echo prints.
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => { reject(new Error(`virsh is not done after ${PATIENCE / 1000} s: ${this.#output}`)) }, PATIENCE)
      const end = (act: () => void): void => { clearTimeout(timer); this.#heard = () => undefined; act() }
      this.#heard = () => {
        if (new RegExp(`(?<!echo )${done}`).test(this.#output)) end(resolve)
        else if (this.#virsh.exitCode !== null) end(() => { reject(new Error(`virsh ended: ${this.#output}`)) })
      }
    })
    const complaint = /^error:.*$/m.exec(this.#output)
    if (complaint !== null) throw new Error(`virsh: ${complaint[0]}`)
  }

  async define (directory: string, count: number): Promise<void> {
    const files = await Promise.all(Array.from({ length: count }, async (_, i) => {
      const file = join(directory, `net${i}.xml`)
      await writeFile(file, xml(i))
      return file
    }))
    await this.run(files.map((file) => `net-define ${file}`))
  }

  /** By stored definitions. */
  async start (count: number): Promise<void> { await this.run(Array.from({ length: count }, (_, i) => `net-start net${i}`)) }
  async destroy (count: number): Promise<void> { await this.run(Array.from({ length: count }, (_, i) => `net-destroy net${i}`)) }
}

/** libvirtd in a namespace with `count` networks defined and none started, for as long as `work` runs. */
export async function withLibvirt<T> (netns: string, count: number, work: (libvirt: Libvirt) => Promise<T>): Promise<T> {
  const directory = await mkdtemp('/run/nw-bench-')
  await writeFile(join(directory, 'run'), script(directory))
  const daemon = background('ip', ['netns', 'exec', netns, 'sh', join(directory, 'run')])
  const virsh = await connect(directory, daemon.output)
  try {
    const libvirt = new Libvirt(virsh)
    await libvirt.define(directory, count)
    return await work(libvirt)
  } finally {
    virsh.kill()
    await daemon.stop()
  }
}

async function connect (directory: string, output: () => string): Promise<ChildProcessWithoutNullStreams> {
  const socket = join(directory, 'libvirt-sock')
  for (let tries = 0; await access(socket).then(() => false, () => true); tries++) {
    if (tries > 500) throw new Error(`libvirtd does not come up:\n${output()}`)
    await sleep(20)
  }
  // Into a pipe it would say nothing before it ends.
  return spawn('stdbuf', ['-o0', 'virsh', '-q', '-c', `qemu:///system?socket=${socket}`], { stdio: 'pipe', env: { ...process.env, LC_ALL: 'C' } })
}
