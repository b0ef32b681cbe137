/** Plugging network cards into a running QEMU, and unplugging them: all or nothing. Source: QEMU, qapi/net.json, qapi/qdev.json. */
import { isError, NetwrightError } from '../errors.js'
import type { Monitor, Waiting } from './monitor.js'

type Plain = Readonly<Record<string, unknown>>

/** Arguments of `netdev_add` and `device_add`; each has an `id`. */
export interface Nic { readonly netdev: Plain, readonly device: Plain }

/** How long a guest may take to let a card go: its kernel has to hear of it. */
const LETTING_GO = 15_000

/**
 * Makes the backend, then the device; a signal is heeded before, not between. Throws NETWRIGHT_GUEST_REFUSED; then QEMU has neither (NETWRIGHT_UNDO_INCOMPLETE where
 * the backend stays).
 */
export async function plug (monitor: Monitor, { netdev, device }: Nic, { signal, timeout }: Waiting = {}): Promise<void> {
  await monitor.execute('netdev_add', netdev, { signal, timeout })
  try { await addDevice(monitor, device, { timeout }) } catch (error) {
    // Where no answer came it may have it by now.
    if (!isRefusal(error)) await monitor.execute('device_del', { id: device.id }).catch(() => undefined)
    await monitor.execute('netdev_del', { id: netdev.id }).catch((left: unknown) => { throw incomplete(error, left, `netdev ${String(netdev.id)} of ${monitor.path}`) })
    throw error
  }
}

/**
 * Where QEMU has no place for it by itself (the root of a PCI Express bus takes no cards while it runs), empty root ports are tried: `-device pcie-root-port,id=rp1`. A
 * guest sees only the first place behind one; what was plugged in before the firmware ran is not told by `query-pci`, but QEMU does not give that place twice.
 */
async function addDevice (monitor: Monitor, device: Plain, waiting: Waiting): Promise<void> {
  let refused: unknown
  try { await monitor.execute('device_add', device, waiting); return } catch (error) {
    if (!isRefusal(error)) throw error
    refused = error
  }
  for (const bus of emptyPorts(await monitor.execute('query-pci', {}, waiting))) {
    try { await monitor.execute('device_add', { ...device, bus, addr: '0x0' }, waiting); return } catch (error) {
      if (!isRefusal(error)) throw error
      refused = error
    }
  }
  throw refused
}

/** PCI bridges that have a name and nothing behind them. */
function emptyPorts (buses: unknown): readonly string[] {
  return list(buses).flatMap((bus) => list(plain(bus).devices)).map(plain).flatMap(({ qdev_id: id, pci_bridge: bridge }) =>
    typeof id === 'string' && id !== '' && bridge !== undefined && list(plain(bridge).devices).length === 0 ? [id] : [])
}

const list = (value: unknown): readonly unknown[] => Array.isArray(value) ? value : []
const plain = (value: unknown): Plain => typeof value === 'object' && value !== null ? { ...value } : {}

/**
 * Asks the guest to let the device go, waits until it has, and removes the backend. What is gone already is no error. Throws NETWRIGHT_GUEST_REFUSED where the guest does
 * not let it go (its kernel may not have started yet): the card is as it was, but that the guest may still let it go later.
 */
export async function unplug (monitor: Monitor, { device, netdev }: { readonly device: string, readonly netdev: string }, waiting: Waiting = {}): Promise<void> {
  await letGo(monitor, device, waiting)
  await unlessMissing(monitor.execute('netdev_del', { id: netdev }, waiting))
}

async function letGo (monitor: Monitor, device: string, waiting: Waiting): Promise<void> {
  const timeout = waiting.timeout ?? LETTING_GO
  const gone = monitor.event(`the end of ${device}`, (name, data) => {
    if (data.device !== device) return undefined
    if (name === 'DEVICE_UNPLUG_GUEST_ERROR') throw new NetwrightError('NETWRIGHT_GUEST_REFUSED', `the guest refused to let ${device} go`)
    return name === 'DEVICE_DELETED' ? true : undefined
  }, { signal: waiting.signal, timeout })
  gone.catch(() => undefined) // told below, where it is waited for
  try {
    if (!await unlessMissing(monitor.execute('device_del', { id: device }, { signal: waiting.signal }))) return
  } catch (error) {
    if (!isRefusal(error) || !/in the process of unplug/.test(error.message)) throw error // asked before: it may let it go now
  }
  try { await gone } catch (error) {
    if (!(error instanceof NetwrightError) || error.code !== 'NETWRIGHT_GUEST_UNREACHABLE' || !error.message.includes('did not come within')) throw error
    throw new NetwrightError('NETWRIGHT_GUEST_REFUSED', `the guest has not let ${device} go within ${String(timeout)} ms`, { cause: error, remedy: 'a guest that is still starting, or has stopped, does not answer: try again, or end it first' })
  }
}

/** False where QEMU has no such thing. */
async function unlessMissing (work: Promise<unknown>): Promise<boolean> {
  try { await work; return true } catch (error) {
    if (isRefusal(error) && (error.conflict?.detail === 'DeviceNotFound' || /not found/i.test(error.message))) return false
    throw error
  }
}

const isRefusal = (error: unknown): error is NetwrightError => error instanceof NetwrightError && error.code === 'NETWRIGHT_GUEST_REFUSED'

function incomplete (reason: unknown, left: unknown, what: string): unknown {
  if (left instanceof NetwrightError && left.code === 'NETWRIGHT_GUEST_UNREACHABLE') return reason // the QEMU is gone, and all that it had
  return new NetwrightError('NETWRIGHT_UNDO_INCOMPLETE', `${isError(reason) ? reason.message : String(reason)}; and of its undo this is left: ${what}`, { cause: new AggregateError([reason, left]), left: [what], remains: [{ kind: 'netdev', name: what }] })
}
