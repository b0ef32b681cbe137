/** Where the files of a network's dnsmasq lie. Pure. */
import { join } from 'node:path'
import type { Place } from './config.js'

/** All files of one network's dnsmasq. */
export interface DnsmasqFiles extends Pick<Place, 'hosts' | 'addnhosts' | 'servers' | 'leases'> {
  readonly config: string
  readonly log: string
}

/** `directory` holds configuration and log, `leases` the leases, which outlive a boot; `name` is fit for a file name. */
export function dnsmasqFiles (directory: string, leases: string, name: string): DnsmasqFiles {
  const at = (suffix: string): string => join(directory, `${name}.${suffix}`)
  return { config: at('conf'), log: at('log'), hosts: at('hosts'), addnhosts: at('addnhosts'), servers: at('servers'), leases: join(leases, `${name}.leases`) }
}
