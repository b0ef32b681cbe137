/** Networks marked for autostart come up: together where they can, else each by itself. */
import { dirname } from 'node:path'
import type { AutostartOptions, StartReport } from './api.js'
import { editInside, readIfThere, written } from './files.js'
import { identity } from './identity.js'
import { started } from './network.js'
import { Telling } from './telling.js'
import { transact } from './transact.js'
import type { Works } from './works.js'

type Failure = Parameters<NonNullable<AutostartOptions['failed']>>[0]
interface Outcome { readonly reports: readonly StartReport[], readonly failures: readonly Failure[] }

/** All in one batch: one journal record, one nft commit. Where that is refused nothing of it stands, and each is tried by itself. */
async function startAll (works: Works, names: readonly string[], signal: AbortSignal | undefined): Promise<Outcome> {
  const { context, daemons } = works
  const those = async (some: readonly string[]): Promise<readonly StartReport[]> => {
    const { networks } = await transact({ start: some.map((name) => ({ name })) }, { context, daemons, signal })
    return await started(works, networks)
  }
  try { return { reports: await those(names), failures: [] } } catch (error) {
    const [name = ''] = names
    if (signal?.aborted === true) throw error
    if (names.length === 1) return { reports: [], failures: [{ kind: 'network', name, error }] }
    context.logger.warn({ err: error }, 'not all networks can be started together: each is tried by itself')
  }
  const reports: StartReport[] = []
  const failures: Failure[] = []
  for (const name of names) {
    signal?.throwIfAborted()
    try { reports.push(...await those([name])) } catch (error) { failures.push({ kind: 'network', name, error }) }
  }
  return { reports, failures }
}

/** Tells of what failed, or throws the first error and logs the others. */
async function tell ({ context }: Works, failures: readonly Failure[], telling: Telling<Failure> | undefined): Promise<void> {
  if (telling !== undefined) {
    for (const failure of failures) telling.tell(failure)
    await telling.heard()
    return
  }
  const [first, ...others] = failures
  for (const { name, error } of others) context.logger.error({ err: error, network: name }, `network ${name} was not started`)
  if (first !== undefined) throw first.error
}

/** What there is besides networks: makes stored host bridges; the marked networks that do not run. */
export interface Waiting {
  bridges (options: AutostartOptions): Promise<unknown>
  networks (): Promise<readonly string[]>
}

/** `host.autostart`. Host bridges first: networks may route over them. */
export async function autostart (works: Works, waiting: Waiting, { once = false, failed, signal }: AutostartOptions): Promise<StartReport[]> {
  const { autostarted } = works.context.places
  const { boot } = await identity()
  if (once && await readIfThere(autostarted) === boot) return []
  const bridges: Failure[] = []
  const telling = failed === undefined ? undefined : new Telling(failed)
  await waiting.bridges({ ...signal === undefined ? {} : { signal }, ...telling === undefined ? {} : { failed: (failure) => { bridges.push(failure); telling.tell(failure) } } })
  const names = await waiting.networks()
  const { reports, failures } = names.length === 0 ? { reports: [], failures: [] } : await startAll(works, names, signal)
  // Not where something failed: a second attempt after the repair is welcome, and finds the others running.
  if (once && bridges.length === 0 && failures.length === 0) {
    await editInside(dirname(autostarted), [written(autostarted, boot)])
  }
  await tell(works, failures, telling)
  return [...reports]
}
