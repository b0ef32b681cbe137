/** The host's NIC becomes a port of a bridge, without locking anybody out. */
import type { Command } from '../command.js'
import { attempt } from '../failure.js'
import { bondModes, confirmSeconds, decide, hostBridgeParameter, wishes } from '../host-bridge-words.js'
import { escape } from '../print/escape.js'

export const command: Command = {
  name: 'host-bridge create',
  group: 'Bridges and TAPs',
  summary: "bridge the host's NIC, undone unless confirmed",
  description: [
    'Makes a bridge, puts the uplink into it and moves its addresses, routes, neighbours and gateways to the bridge, in one go of milliseconds.',
    'Everything is taken back unless it is confirmed in time (netwright host-bridge confirm BRIDGE, or Enter at the terminal), if a gateway or the ssh connection you came by does not answer, or if this command or its terminal dies.',
    'What looks after the uplink (NetworkManager, systemd-networkd, netplan, ifupdown, a DHCP client) is left alone; what to tell it is printed.',
  ].join('\n'),
  parameters: [
    hostBridgeParameter,
    { kind: 'text', name: 'uplink', value: 'DEV', named: true, names: 'link', description: 'the NIC: eth0; eth0.20 is made where it is not there' },
    { kind: 'text', name: 'vlan', value: 'ID', named: true, description: 'over this VLAN of the uplink or the bond, which is made' },
    { kind: 'text', name: 'bond', value: 'DEV,DEV', named: true, description: 'over a bond of these NICs, which is made, instead of --uplink' },
    { kind: 'text', name: 'bond-mode', value: 'MODE', named: true, choices: bondModes, description: 'how the bond shares its NICs (default balance-rr)' },
    { kind: 'text', name: 'confirm', value: 'SECONDS', named: true, description: 'time to confirm (default 30); 0: keep it as soon as gateways and ssh answer' },
    { kind: 'flag', name: 'no-probe', description: 'do not ask gateways and ssh' },
  ],
  changes: 'host-bridge create',
  run: async (values, context) => {
    const name = values.data('bridge')
    const wanted = { name, ...wishes(values) }
    const confirmWithin = confirmSeconds(values.text('confirm'), 30)
    await attempt(`Failed to create host bridge ${name}`, {}, async () => {
      const trial = await (await context.host()).hostBridge.create(wanted, { confirmWithin, signal: context.signal, ...values.flag('no-probe') ? { probe: 'none' as const } : {} })
      for (const { manager, dev, configuration } of context.json ? [] : trial.advice) {
        context.warn(`${manager} looks after ${dev} and knows nothing of ${name}; this would tell it:`)
        context.print(configuration.split('\n').map(escape).join('\n'))
      }
      context.extra(`Host bridge ${escape(name)} created in ${trial.movedInMs.toFixed(1)} ms\n`)
      await decide(trial, context)
      context.data({ name, state: 'kept', movedInMs: trial.movedInMs, advice: trial.advice })
    })
  },
}
