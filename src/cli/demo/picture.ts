/** A drawing of what stands: three boxes and the cables between them, 79 columns of ASCII. Pure. */

export interface Scene {
  readonly guest: { readonly dev: string, readonly ip: string }
  readonly host: { readonly port: string, readonly bridge: string, readonly gateway: string, readonly uplink: string, readonly ip: string }
  readonly internet: { readonly dev: string, readonly gateway: string, readonly web: string }
}

/** Inner widths of the boxes. */
const widths = [18, 30, 19] as const
const CABLE = 3

/** Text at the left and at the right end of a box. */
type Cell = readonly [left: string, right?: string]

function row (cells: readonly Cell[], between: string): string {
  return cells.map(([left, right = ''], i) => `|${left}${right.padStart((widths[i] ?? 0) - left.length)}|`).join(between.repeat(CABLE))
}

/** The lines of the drawing. */
export function picture ({ guest, host, internet }: Scene): string[] {
  const edge = widths.map((width) => `+${'-'.repeat(width)}+`).join(' '.repeat(CABLE))
  const title = ['guest', 'host', 'internet'].map((name, i) => ` ${name.padEnd((widths[i] ?? 0) + 1)}`).join(' '.repeat(CABLE)).trimEnd()
  const blank = ' '
  return [
    title,
    edge,
    row([['', `${guest.dev} `], [` ${host.port}`, `${host.uplink} `], [` ${internet.dev}`]], '-'),
    row([['', `${guest.ip} `], [` ${host.bridge}`, `${host.ip} `], [` ${internet.gateway}`, 'DNS ']], blank),
    row([[''], [` ${host.gateway}`, 'nftables: NAT '], [` ${internet.web}`, 'web ']], blank),
    row([[''], [' dnsmasq: DHCP, DNS'], ['']], blank),
    edge,
  ]
}
