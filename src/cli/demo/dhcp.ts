/** A guest's DHCP client: a real one, whichever is installed. It only asks; what it got is set by the demonstration itself, over netlink. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { start, which } from './program.js'

interface Client {
  readonly file: string
  readonly args: readonly string[]
  /** What it prints when it has a lease, where it does not end by itself then. */
  readonly bound?: RegExp
}

/** `udhcpc`, busybox's or a link to it; ISC `dhclient`. Throws where there is none. */
async function client (dev: string, directory: string): Promise<Client> {
  // udhcpc calls its script as `SCRIPT bound`: a shell then runs the file `bound` of the working directory. So the file needs no execute permission,
  // which file systems like /run do not give.
  const udhcpc = ['-f', '-q', '-n', '-i', dev, '-s', '/bin/sh', '-t', '8', '-T', '1', '-x', 'hostname:guest']
  const own = await which('udhcpc')
  if (own !== undefined) return { file: own, args: udhcpc }
  const busybox = await which('busybox')
  if (busybox !== undefined) return { file: busybox, args: ['udhcpc', ...udhcpc] }
  const isc = await which('dhclient')
  if (isc !== undefined) return { file: isc, args: ['-1', '-d', '-sf', '/usr/bin/env', '-lf', join(directory, 'leases'), '-pf', join(directory, 'pid'), dev], bound: /^bound to /m }
  throw new Error('no DHCP client is installed; as root: apt-get install udhcpc')
}

/** Asks for a lease on `dev`. Answers `CLIENT IP NETMASK ROUTER NAMESERVER`. `directory` is made for the client and removed. Throws with all that it said where it got none. */
export async function askForLease (dev: string, directory: string): Promise<string> {
  await mkdir(directory)
  try {
    await Promise.all([writeFile(join(directory, 'deconfig'), ''), writeFile(join(directory, 'bound'), 'exec env\n')])
    const { file, args, bound } = await client(dev, directory)
    const program = start(file, args, directory)
    if (bound !== undefined) await program.until(bound).then(() => { program.stop() })
    await program.ended()
    return read(file, program.output())
  } finally { await rm(directory, { recursive: true, force: true }) }
}

/** The variables that the client gave its script: udhcpc's names, or dhclient's. */
function read (file: string, output: string): string {
  const value = (...names: readonly string[]): string => {
    const found = names.map((name) => new RegExp(`^${name}=([0-9.]+)`, 'm').exec(output)?.[1]).find((each) => each !== undefined)
    if (found === undefined) throw new Error(`${file} got no lease: ${output.trim()}`)
    return found
  }
  return [file, value('ip', 'new_ip_address'), value('subnet', 'new_subnet_mask'), value('router', 'new_routers'), value('dns', 'new_domain_name_servers')].join(' ')
}
