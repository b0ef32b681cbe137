/** Guests' interfaces as virsh shows them. Source: tools/virsh-domain-monitor.c. */
import type { DomainAddress, DomainInterface, Statistics } from '../../index.js'
import { escape } from './escape.js'
import { table } from './table.js'

/** `virsh domiflist`: what is kept and not there has no name. */
export function interfaceTable (interfaces: readonly DomainInterface[], headless: boolean): string {
  const rows = interfaces.map(({ dev = '-', type, source, model, mac }) => [dev, type, source, model, mac])
  return table(['Interface', 'Type', 'Source', 'Model', 'MAC'], rows, headless)
}

/** `virsh domifstat`: a counter a line. */
export function interfaceStatistics (dev: string, counted: Statistics): string {
  const lines = [
    ['rx_bytes', counted.rxBytes], ['rx_packets', counted.rxPackets], ['rx_errs', counted.rxErrors], ['rx_drop', counted.rxDropped],
    ['tx_bytes', counted.txBytes], ['tx_packets', counted.txPackets], ['tx_errs', counted.txErrors], ['tx_drop', counted.txDropped],
  ] as const
  return lines.map(([name, value]) => `${escape(dev)} ${name} ${String(value)}\n`).join('')
}

/** `virsh domifaddr`'s header and rule, which `--quiet` leaves out. */
export const addressHeader = ` ${'Name'.padEnd(10)} ${'MAC address'.padEnd(20)} ${'Protocol'.padEnd(8)}     Address\n${'-'.repeat(79)}\n`

/** `virsh domifaddr`: of an interface with several addresses the name stands once, unless all of it is asked for. */
export function addressLines (addresses: readonly DomainAddress[], full: boolean): string {
  return addresses.map(({ dev, mac, family, address, prefix }, i) => {
    const again = !full && addresses[i - 1]?.dev === dev
    const shown = prefix === undefined ? address : `${address}/${String(prefix)}`
    return ` ${(again ? '-' : escape(dev)).padEnd(10)} ${(again ? '-' : mac).padEnd(17)}    ${family.padEnd(12)} ${shown}\n`
  }).join('')
}

/** `virsh attach-interface --print-xml`. */
export function interfaceXml ({ source, target, mac, model }: { readonly source: string, readonly target?: string | undefined, readonly mac?: string | undefined, readonly model?: string | undefined }): string {
  const line = (name: string, attribute: string, value: string | undefined): string => value === undefined ? '' : `  <${name} ${attribute}='${xmlSafe(value)}'/>\n`
  return `<interface type='network'>\n${line('source', 'network', source)}${line('target', 'dev', target)}${line('mac', 'address', mac)}${line('model', 'type', model)}</interface>\n`
}

const NAMES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\'': '&apos;', '"': '&quot;' }
const xmlSafe = (value: string): string => escape(value).replace(/[&<>'"]/g, (character) => NAMES[character] ?? '')
