/**
 * A guest made on the spot: busybox, the drivers of virtio, and a script that asks DHCP for every card it sees, also for one that comes later.
 * The files are those of Debian's packages busybox-static and linux-image-cloud-amd64; `scripts/setup --tests` unpacks them into dist/guest.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Says on the console what becomes of each card. `outside=ADDRESS` on the kernel's command line is an address to ping once there is a way out. */
const init = (drivers: readonly string[]): string => `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for driver in ${drivers.join(' ')}; do insmod /drivers/$driver.ko; done
ip link set lo up
seen=' '
while :; do
  for card in $(cd /sys/class/net && echo eth*); do
    if [ -e /sys/class/net/$card ] && [ "\${seen#* $card }" = "$seen" ]; then
      seen="$seen$card "
      ip link set $card up
      udhcpc -f -q -n -t 20 -T 1 -i $card -s /dhcp >/dev/null 2>&1 &
    fi
  done
  for card in $seen; do
    read carrier 2>/dev/null </sys/class/net/$card/carrier || carrier=
    if [ "$carrier" = 0 ] && [ ! -e /cut.$card ]; then touch /cut.$card; echo "guest: $card has no carrier"; fi
    if [ "$carrier" = 1 ] && [ -e /cut.$card ]; then rm /cut.$card; echo "guest: $card has its carrier back"; fi
    if [ ! -e /sys/class/net/$card ]; then
      echo "guest: $card is gone"
      seen=" $(echo $seen | sed "s/\\b$card\\b//") "
    fi
  done
  sleep 0.2
done
`

const dhcp = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
echo "guest: $interface has $ip/$mask" >/dev/console
if [ -n "$router" ]; then
  ip route add default via $router dev "$interface"
  if [ -n "$outside" ]; then ping -c 3 -w 10 "$outside" >/dev/null && echo "guest: reaches $outside" >/dev/console; fi
fi
`

/** An archive that Linux unpacks as its first file system, from the files in `directory`. Source: Documentation/driver-api/early-userspace/buffer-format.rst. */
export async function initramfs (directory: string): Promise<Buffer> {
  const entries: Buffer[] = []
  const add = (name: string, mode: number, content: Buffer = Buffer.alloc(0)): void => { entries.push(entry(name, mode, content)) }
  for (const made of ['bin', 'drivers']) add(made, 0o040755)
  const drivers = await withNeeds(directory, ['virtio_pci', 'virtio_net'])
  add('init', 0o100755, Buffer.from(init([...drivers.keys()])))
  add('dhcp', 0o100755, Buffer.from(dhcp))
  add('bin/busybox', 0o100755, await readFile(join(directory, 'busybox')))
  for (const [driver, content] of drivers) add(`drivers/${driver}.ko`, 0o100644, content)
  add('TRAILER!!!', 0)
  return Buffer.concat(entries)
}

/** Drivers and what they need, in the order in which they can be loaded: each says what it depends on. `modinfo -F depends`. */
async function withNeeds (directory: string, names: readonly string[], found = new Map<string, Buffer>()): Promise<Map<string, Buffer>> {
  for (const name of names) {
    if (found.has(name)) continue
    const content = await readFile(join(directory, `${name}.ko`))
    const needs = /\0depends=([^\0]*)\0/.exec(content.toString('latin1'))?.[1] ?? ''
    await withNeeds(directory, needs.split(',').filter((need) => need !== ''), found)
    found.set(name, content)
  }
  return found
}

/** One file: its header in hexadecimal, its name, its content, each filled up to four bytes. */
function entry (name: string, mode: number, content: Buffer): Buffer {
  const path = Buffer.from(`${name}\0`)
  const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, path.length, 0]
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
  return Buffer.concat([filled(Buffer.concat([header, path])), filled(content)])
}

const filled = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
