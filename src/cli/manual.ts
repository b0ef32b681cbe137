/** What is said of the whole program, by `netwright --help` and by the man page. Words only. */

export const summary = 'Networks for virtual machines: bridges, addresses, NAT, DHCP and DNS'

/** How it is called. */
export const synopsis: readonly (readonly [words: string, meaning: string])[] = [
  ['netwright [OPTION]... VERB [ARGUMENT]...', ''],
  ['netwright [OPTION]...', 'a shell, on a terminal'],
  ['netwright [OPTION]... < FILE', 'several commands, one a line'],
]

export const description = `netwright makes the networks of this host: each is a bridge with addresses, a firewall, NAT or routing, and a dnsmasq that answers DHCP and DNS. They are described in libvirt's XML or in JSON, and made all or nothing; what a crash leaves behind, the next command removes.

The verbs that begin with net- take virsh's words and print what virsh prints; they may be written without net-. Options may stand before the verb or after it. Several commands are separated by ; in one argument, or stand a line each on standard input. On a terminal netwright alone is an interactive shell, with history and completion.`

export const exitCodes: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done'],
  ['1', 'failed'],
  ['129, 130, 143', 'ended by SIGHUP, SIGINT or SIGTERM, after the undo'],
]

export const environment: readonly (readonly [name: string, meaning: string])[] = [
  ['NETWRIGHT_ROOT', 'a directory in front of all files, as --root'],
  ['VISUAL, EDITOR', 'the editor of net-edit (default: vi)'],
  ['XDG_CACHE_HOME', 'where the interactive shell keeps its last 500 lines, in netwright/history (default: ~/.cache)'],
]

export const files: readonly (readonly [path: string, meaning: string])[] = [
  ['/etc/netwright/networks', 'definitions as XML; autostart/ has links to those that are started at boot; sources.json says which file made what'],
  ['/var/lib/netwright/leases', 'leases'],
  ['/etc/systemd/system/netwright.service', 'the unit, where service install has written it'],
  ['/run/netwright', 'what stands, the journal, files of dnsmasq, locks'],
]

export const examples: readonly string[] = [
  'netwright net-define red-nat.xml && netwright net-start red_nat',
  'netwright net-list --all',
  'netwright plan lab.yaml && netwright apply lab.yaml --prune',
]

export const seeAlso = ['virsh(1)', 'ip(8)', 'bridge(8)', 'nft(8)', 'dnsmasq(8)'] as const
