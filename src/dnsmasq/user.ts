/** Which dnsmasq is run, and as whom. */
import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { ProcessError } from '../errors.js'

/** A user for `user=` and `group=`, and who may read the hosts files. */
export interface DnsmasqUser {
  readonly user: string
  /** Empty: the groups stay as they are. */
  readonly group: string
  readonly uid: number
  readonly gid: number
}

/** Preferred first: our own, so that no other service shares it; Debian's; everybody's. */
const candidates = ['netwright-dnsmasq', 'dnsmasq', 'nobody'] as const

const read = async (path: string): Promise<string> => await readFile(path, 'utf8').catch(() => '')

/**
 * `netwright-dnsmasq`, else `dnsmasq`, else `nobody`, from /etc/passwd. In a user namespace that refuses setgroups or maps no such user it is
 * root there, which is nobody special outside (kernel.md, Node 10).
 */
export async function dnsmasqUser (etc = '/etc'): Promise<DnsmasqUser> {
  const [passwd, group, setgroups, uids, gids] = await Promise.all([read(join(etc, 'passwd')), read(join(etc, 'group')), read('/proc/self/setgroups'), read('/proc/self/uid_map'), read('/proc/self/gid_map')])
  const root: DnsmasqUser = { user: 'root', group: '', uid: 0, gid: 0 }
  if (setgroups.trim() === 'deny') return root
  const lines = (text: string): string[][] => text.split('\n').map((line) => line.split(':'))
  for (const name of candidates) {
    const [, , uid, gid] = lines(passwd).find(([first]) => first === name) ?? []
    const groupName = lines(group).find(([, , number]) => number === gid)?.[0]
    if (uid === undefined || gid === undefined || groupName === undefined) continue
    const found = { user: name, group: groupName, uid: Number(uid), gid: Number(gid) }
    return mapped(uids, found.uid) && mapped(gids, found.gid) ? found : root
  }
  return root
}

/** Whether a number exists in this user namespace. Source: user_namespaces(7), uid_map. */
function mapped (map: string, id: number): boolean {
  const ranges = map.trim().split('\n').map((line) => line.trim().split(/\s+/).map(Number))
  return map.trim() === '' || ranges.some(([first = 0, , count = 0]) => id >= first && id < first + count)
}

/** Debian keeps dnsmasq in /usr/sbin, which an ordinary user's PATH does not have. */
const alsoIn = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** The absolute path of dnsmasq: from PATH, else /usr/sbin. Throws ProcessError NETWRIGHT_DNSMASQ_MISSING. */
export async function findDnsmasq (path = process.env['PATH'] ?? ''): Promise<string> {
  for (const directory of [...path.split(delimiter).filter(isAbsolute), ...alsoIn]) {
    const file = join(directory, 'dnsmasq')
    if (await access(file, constants.X_OK).then(() => true, () => false)) return file
  }
  throw new ProcessError('NETWRIGHT_DNSMASQ_MISSING', 'dnsmasq is not installed: this network gives leases or names, which dnsmasq does', {}, { remedy: 'apt-get install dnsmasq-base' })
}
