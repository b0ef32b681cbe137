/** The unit of systemd that brings networks up at boot. Pure. Source: systemd.service(5), systemd.exec(5), systemd.kill(5). */

export interface UnitInput {
  /** What is run: node and the program. */
  readonly program: readonly string[]
  /** Default: the system's own. */
  readonly owner?: string
}

/** The first line: what has it is ours to replace and to remove. */
export const mark = '# Written by `netwright service install`; `netwright service remove` removes it.'

export const unitName = (owner: string | undefined): string => owner === undefined || owner === 'system' ? 'netwright.service' : `netwright-${owner}.service`

/** What starting needs: links, addresses and rules (NET_ADMIN), sockets in their namespace (SYS_ADMIN, for setns), and dnsmasq, which becomes another user. */
const capabilities = ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_NET_BIND_SERVICE', 'CAP_SYS_ADMIN', 'CAP_SETUID', 'CAP_SETGID', 'CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_KILL']

/** A word of ExecStart=: in quotes where it must be, specifiers and variables taken literally. In the first one, which is the executable, there are no variables. */
function word (text: string, index: number): string {
  const specific = text.replaceAll('%', '%%')
  const plain = index === 0 ? specific : specific.replaceAll('$', '$$$$')
  return /^[\w@%+=:,./$-]+$/.test(plain) ? plain : `"${plain.replace(/["\\]/g, String.raw`\$&`)}"`
}

const hardening = `# Writable: the definitions, leases, what stands. Directories stay when the unit stops.
ProtectSystem=strict
ReadWritePaths=-/etc/netwright
StateDirectory=netwright
StateDirectoryMode=0711
RuntimeDirectory=netwright
RuntimeDirectoryMode=0711
RuntimeDirectoryPreserve=yes

# ProtectKernelTunables= would forbid to switch IP forwarding on, MemoryDenyWriteExecute= is not for JavaScript.
CapabilityBoundingSet=${capabilities.join(' ')}
NoNewPrivileges=yes
ProtectHome=read-only
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
DevicePolicy=closed
DeviceAllow=/dev/net/tun rw
DeviceAllow=/dev/vhost-net rw
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6 AF_PACKET
RestrictNamespaces=net
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
`

/**
 * A oneshot that stays "active (exited)" once it has run. dnsmasq must outlive it: systemd kills what is left of a unit only when it stops, and then, by
 * KillMode=process, only the main process, which has ended long before. So stopping or removing the service stops no network, as with libvirtd.
 */
export function unitText ({ program, owner }: UnitInput): string {
  const own = owner === undefined || owner === 'system' ? [] : ['--owner', owner]
  return `${mark}
[Unit]
Description=Networks of netwright${own.length === 0 ? '' : ` (owner ${owner ?? ''})`}
Documentation=man:netwright(1)
# Those that load or flush rulesets go first, so that warnings about foreign rules are right.
After=network.target nftables.service firewalld.service ufw.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${[...program, ...own, 'autostart-all', '--once'].map(word).join(' ')}
TimeoutStartSec=10min

# dnsmasq runs on in this unit's control group and mounts, and outlives a stop of the unit.
KillMode=process
OOMPolicy=continue
TasksMax=infinity
LimitNOFILE=65536

${hardening}
[Install]
WantedBy=multi-user.target
`
}
