/** Where an owner's files lie. Pure. */
import { join } from 'node:path'

export interface Places {
  /** Stored definitions, one XML file each: ROOT/etc/netwright[/owners/OWNER]/networks. */
  readonly networks: string
  readonly autostart: string
  /** Interfaces that are kept for guests, one JSON file each: ROOT/etc/netwright[/owners/OWNER]/domains. */
  readonly domains: string
  /** Leases, kept over stop and reboot, apart for each namespace: ROOT/var/lib/netwright[/owners/OWNER]/leases[/netns-ID]. */
  readonly leases: string
  /** Runtime state of this owner in this namespace: ROOT/run/netwright/netns-ID/OWNER. */
  readonly run: string
  readonly journal: string
  readonly standing: string
  /** Links that are out of use, until they are deleted. */
  readonly graves: string
  /** Room for the records of a stop, where the disk is full by then. */
  readonly spare: string
  /** Configuration, hosts files and logs of the dnsmasq processes. */
  readonly dnsmasq: string
  /** Namespaces that one of us made beside this one. */
  readonly rigs: string
  /** Host bridges that stand or are on trial. */
  readonly hostBridges: string
  /** Definitions of host bridges, one JSON file each: ROOT/etc/netwright[/owners/OWNER]/host-bridges. */
  readonly storedHostBridges: string
  /** The lock under which host bridges of the namespace are made, confirmed and taken back; never held for long. */
  readonly hostBridgeLock: string
  /** What a reaper could not remove, and why, until the next host tells. */
  readonly complaints: string
  /** Written when the networks marked for autostart were brought up: the boot they were brought up in. */
  readonly autostarted: string
  /** The lock of the stored definitions. */
  readonly ownerLock: string
  /** The definitions of every owner below this root: what they name is not given to others. */
  readonly owners: string
  /** Those of owner system. */
  readonly system: string
  /** The one lock of the namespace, taken by every owner for planning and committing. */
  readonly lock: string
  /** Below which root this owner's networks of the namespace are recorded. */
  readonly claim: string
  /** Why IP forwarding is on, where one of us switched it: shared by all owners of the namespace. */
  readonly forwarding: string
}

/** `shared` (lock, claim, forwarding) is /run/netwright even where a root is given: owners with different roots must meet there. */
export function places (root: string, owner: string, netns: { readonly id: string, readonly initial: boolean }, shared: string): Places {
  const own = owner === 'system' ? [] : ['owners', owner]
  const networks = join(root, 'etc/netwright', ...own, 'networks')
  const run = join(root, 'run/netwright', `netns-${netns.id}`, owner)
  return {
    networks,
    autostart: join(networks, 'autostart'),
    domains: join(root, 'etc/netwright', ...own, 'domains'),
    leases: join(root, 'var/lib/netwright', ...own, 'leases', ...netns.initial ? [] : [`netns-${netns.id}`]),
    run,
    journal: join(run, 'journal'),
    standing: join(run, 'standing'),
    graves: join(run, 'graves'),
    spare: join(run, 'spare'),
    dnsmasq: join(run, 'dnsmasq'),
    rigs: join(run, 'rigs'),
    hostBridges: join(run, 'host-bridges'),
    storedHostBridges: join(root, 'etc/netwright', ...own, 'host-bridges'),
    hostBridgeLock: join(shared, `netns-${netns.id}.host-bridge.lock`),
    complaints: join(run, 'reaper.log'),
    autostarted: join(root, 'run/netwright', `netns-${netns.id}.autostarted-${owner}`),
    ownerLock: join(root, 'run/netwright', `owner-${owner}.lock`),
    owners: join(root, 'etc/netwright/owners'),
    system: join(root, 'etc/netwright/networks'),
    lock: join(shared, `netns-${netns.id}.lock`),
    claim: join(shared, `netns-${netns.id}.owner-${owner}`),
    forwarding: join(shared, `netns-${netns.id}.forwarding.json`),
  }
}

/** A network's name as a file name: what is not plain is percent-encoded, so that no name can leave its directory. */
export function fileName (name: string): string {
  return encodeURIComponent(name).replace(/[!'()*~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`).replace(/^\.+/, (dots) => '%2E'.repeat(dots.length))
}
