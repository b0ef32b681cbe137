/** A MAC address for a guest: the tutorials' `hexdump -vn3 -e '/3 "52:54:00"' -e '/1 ":%02x"' /dev/urandom`. */
import type { Command } from '../command.js'

export const command: Command = {
  name: 'mac',
  group: 'This host',
  summary: 'print a fresh MAC address for a guest',
  description: 'Prints 52:54:00, the prefix of QEMU and libvirt, and three random bytes.',
  parameters: [],
  run: async (_values, context) => {
    const { randomMac } = await import('../../index.js')
    const mac = randomMac()
    if (context.json) context.data({ mac })
    else context.print(`${mac}\n`)
  },
}
