/**
 * All verbs. A new one is one file in `commands/` and two lines here; `--help`, the man page, completion and the interactive shell then know it.
 * Such a file is words and a few lines of code: what a verb needs beyond them, it loads when it runs.
 */
import type { Command } from './command.js'
import { command as apply } from './commands/apply.js'
import { command as attachInterface } from './commands/attach-interface.js'
import { command as autostartAll } from './commands/autostart-all.js'
import { command as bridgeAdd } from './commands/bridge-add.js'
import { command as bridgeAddif } from './commands/bridge-addif.js'
import { command as bridgeDel } from './commands/bridge-del.js'
import { command as bridgeDelif } from './commands/bridge-delif.js'
import { command as bridgeSetfd } from './commands/bridge-setfd.js'
import { command as bridgeShow } from './commands/bridge-show.js'
import { command as bridgeStp } from './commands/bridge-stp.js'
import { command as check } from './commands/check.js'
import { command as remove } from './commands/delete.js'
import { command as completion } from './commands/completion.js'
import { command as demo } from './commands/demo.js'
import { command as detachInterface } from './commands/detach-interface.js'
import { command as domifGetlink } from './commands/domif-getlink.js'
import { command as domifSetlink } from './commands/domif-setlink.js'
import { command as domifaddr } from './commands/domifaddr.js'
import { command as domiflist } from './commands/domiflist.js'
import { command as domifstat } from './commands/domifstat.js'
import { command as events } from './commands/events.js'
import { command as forwardAdd } from './commands/forward-add.js'
import { command as forwardDel } from './commands/forward-del.js'
import { command as forwardList } from './commands/forward-list.js'
import { command as help } from './commands/help.js'
import { command as hostBridgeConfirm } from './commands/host-bridge-confirm.js'
import { command as hostBridgeCreate } from './commands/host-bridge-create.js'
import { command as hostBridgeList } from './commands/host-bridge-list.js'
import { command as hostBridgeRemove } from './commands/host-bridge-remove.js'
import { command as hostPolicyList } from './commands/host-policy-list.js'
import { command as hostPolicySet } from './commands/host-policy-set.js'
import { command as importNetworks } from './commands/import.js'
import { command as mac } from './commands/mac.js'
import { command as man } from './commands/man.js'
import { command as netAutostart } from './commands/net-autostart.js'
import { command as netCreate } from './commands/net-create.js'
import { command as netDefine } from './commands/net-define.js'
import { command as netDestroy } from './commands/net-destroy.js'
import { command as netDhcpLeases } from './commands/net-dhcp-leases.js'
import { command as netDumpxml } from './commands/net-dumpxml.js'
import { command as netEdit } from './commands/net-edit.js'
import { command as netInfo } from './commands/net-info.js'
import { command as netList } from './commands/net-list.js'
import { command as netName } from './commands/net-name.js'
import { command as netStart } from './commands/net-start.js'
import { command as netUndefine } from './commands/net-undefine.js'
import { command as netUuid } from './commands/net-uuid.js'
import { command as peerAdd } from './commands/peer-add.js'
import { command as peerDel } from './commands/peer-del.js'
import { command as peerList } from './commands/peer-list.js'
import { command as plan } from './commands/plan.js'
import { command as quit } from './commands/quit.js'
import { command as render } from './commands/render.js'
import { command as ruleAdd } from './commands/rule-add.js'
import { command as ruleDel } from './commands/rule-del.js'
import { command as ruleList } from './commands/rule-list.js'
import { command as serviceInstall } from './commands/service-install.js'
import { command as serviceRemove } from './commands/service-remove.js'
import { command as serviceStatus } from './commands/service-status.js'
import { command as tapAdd } from './commands/tap-add.js'
import { command as tapDel } from './commands/tap-del.js'
import { command as version } from './commands/version.js'
import { command as top } from './commands/top.js'
import { command as topology } from './commands/topology.js'
import { UsageError } from './failure.js'

/** In the order of the help text within each section; a verb's `group` names its section. */
export const allCommands: readonly Command[] = [
  // Networks
  netAutostart, netCreate, netDefine, netDestroy, netDhcpLeases, netDumpxml, netEdit, netInfo, netList, netName, netStart, netUndefine, netUuid, autostartAll,
  forwardAdd, forwardDel, forwardList,
  peerAdd, peerDel, peerList, ruleAdd, ruleDel, ruleList, hostPolicySet, hostPolicyList,
  // Guests
  attachInterface, detachInterface, domiflist, domifaddr, domifstat, domifSetlink, domifGetlink,
  // Definitions
  plan, apply, remove, render, importNetworks,
  // Bridges and TAPs
  bridgeAdd, bridgeDel, bridgeAddif, bridgeDelif, bridgeStp, bridgeSetfd, bridgeShow,
  tapAdd, tapDel, hostBridgeCreate, hostBridgeConfirm, hostBridgeRemove, hostBridgeList,
  // This host
  mac, topology, top, events, check,
  // Netwright itself
  serviceInstall, serviceRemove, serviceStatus, help, quit, completion, man, demo, version,
]

/** Whether this is the verb, by its name or another one. */
export const answersTo = (command: Command, name: string): boolean =>
  command.name === name || command.name === `net-${name}` || (command.aliases ?? []).includes(name)

/** The verbs of two words that begin with this one: those of `bridge`. */
export function familyCommands (first: string): readonly Command[] {
  return allCommands.filter((command) => command.name.startsWith(`${first} `))
}

/** The verb that the words begin with, and the words after it. @throws UsageError `unknown command: 'x'`. */
export function findCommand (words: readonly string[]): { readonly command: Command, readonly rest: readonly string[] } {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(' ')
    const command = words.length < length ? undefined : allCommands.find((each) => answersTo(each, name))
    if (command !== undefined) return { command, rest: words.slice(length) }
  }
  const [first = ''] = words
  const family = familyCommands(first).map(({ name }) => name.slice(first.length + 1))
  if (family.length > 0) throw new UsageError(`${first}: say what to do: ${family.join(', ')}`, `netwright help ${first}`)
  throw new UsageError(`unknown command: '${first}'`, 'netwright --help lists all')
}
