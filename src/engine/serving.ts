/** The dnsmasq processes of a batch: started and replaced before it is published, told of new ports after. */
import type { Batch } from './batch.js'
import type { Means } from './recovery.js'
import type { Steps } from './steps.js'
import { about } from './work.js'

/** What takes its time, without the lock. Throws what dnsmasq says. */
export async function serve ({ networks, ports, updates, kept }: Batch, { context, daemons, signal }: Means & { readonly signal?: AbortSignal | undefined }, step: Steps): Promise<void> {
  await step.before('start dnsmasq')
  const standing = await context.book.look()
  const coming = ports.map(({ record }) => record)
  await daemons.start(networks.map(({ record }) => record).filter(({ dnsmasq }) => dnsmasq), { signal, ports: [...kept, ...coming] })
  for (const { after, need } of updates) {
    if (need === 'nothing' || need === 'reload') continue
    await step.before('replace dnsmasq')
    await daemons.replace(after, { signal, ports: [...standing.ports([after.definition.name]), ...coming] })
  }
}

/** Networks that run, and get ports or other static leases: their dnsmasq reads its files again. */
export async function reload ({ ports, updates }: Batch, { context, daemons }: Means, step: Steps): Promise<void> {
  const changed = new Map(updates.map((update) => [update.after.definition.name, update]))
  const told = new Map(updates.filter(({ need }) => need === 'reload').map(({ after }) => [after.definition.name, after]))
  for (const { fresh, record, network } of ports) {
    const need = changed.get(record.network)?.need ?? 'nothing'
    if (!fresh && record.ip !== undefined && need === 'nothing') told.set(record.network, network)
  }
  for (const [name, network] of told) {
    await step.before('reserve the address')
    const own = ports.map(({ record }) => record).filter((port) => port.network === name)
    await about({ network: name }, async () => { await daemons.reload(network, [...(await context.book.look()).ports([name]), ...own]) })
  }
}
