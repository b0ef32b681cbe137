/** `netwright import --from-libvirt`: one definition after the other, each all or nothing. libvirt's own files are only read. */
import type { Host, NetworkInfo, NetworkSpec } from '../../index.js'
import type { Context } from '../command.js'
import { attempt, Failure } from '../failure.js'
import { escape } from '../print/escape.js'
import { definitionsIn, stillRuns, type Found } from './directory.js'

export interface Imported { readonly file: string, readonly name?: string, readonly change: 'imported' | 'would be imported' | 'exists' | 'refused', readonly autostart: boolean }

interface Work { readonly context: Context, readonly host: Host, readonly dry: boolean, readonly known: readonly NetworkInfo[], readonly foreign: ReadonlySet<string> }

/** Bridges that stand and carry none of our running networks. */
async function foreignBridges (host: Host, known: readonly NetworkInfo[], signal: AbortSignal): Promise<ReadonlySet<string>> {
  const ours = new Set(known.filter(({ active }) => active).map(({ bridge }) => bridge))
  return new Set((await host.links.bridges(undefined, { signal })).map(({ name }) => name).filter((name) => !ours.has(name)))
}

/** Ours already, by uuid: it stays as it is, for it may have been changed since. Another network of that name is in the way. */
function standing (spec: NetworkSpec, known: readonly NetworkInfo[], sentence: string): NetworkInfo | undefined {
  const same = known.find(({ name }) => name === spec.name)
  if (same !== undefined && spec.uuid !== undefined && same.uuid !== spec.uuid.toLowerCase()) throw new Failure({ sentence, driver: `operation failed: network '${spec.name}' already exists with uuid ${same.uuid}` })
  return same
}

/** Definition and autostart mark in one: both or neither. A dry run plans the same. */
async function take ({ context: { signal }, host, dry }: Work, spec: NetworkSpec, autostart: boolean): Promise<void> {
  const desired = { networks: [{ ...spec, active: false, autostart }] }
  if (dry) await host.plan(desired, { signal })
  else await host.apply(desired, { signal })
}

async function one (work: Work, { file, path, autostart }: Found): Promise<Imported> {
  const { context, dry, known, foreign } = work
  const sentence = `Failed to import network from ${path}`
  const { parseDefinition } = await import('../../index.js')
  return await attempt(sentence, {}, async () => {
    const spec = parseDefinition(await context.read(path))
    if (standing(spec, known, sentence) !== undefined) return { file, name: spec.name, change: 'exists', autostart: false }
    const why = await stillRuns(spec.name, { wanted: spec.bridge.name, foreign })
    if (why !== undefined) throw new Failure({ sentence, driver: why, remedy: `virsh net-destroy ${spec.name}` })
    await take(work, spec, autostart)
    return { file, name: spec.name, change: dry ? 'would be imported' : 'imported', autostart }
  })
}

function tell (context: Context, { file, name = file, change, autostart }: Imported): void {
  const words = { imported: 'imported', 'would be imported': 'would be imported', exists: 'is defined already and stays as it is', refused: '' }
  if (change !== 'refused') context.extra(`Network ${escape(name)} ${words[change]}${autostart ? ', marked as autostarted' : ''}\n`)
  if (change === 'imported' && autostart && !context.json) context.warn(`libvirt still has network '${name}' and will start it at boot, too`, `virsh net-autostart ${name} --disable`)
}

/** Resolves with whether none was refused. */
export async function importFrom (directory: string, context: Context, dry: boolean): Promise<boolean> {
  const found = await definitionsIn(directory)
  const host = await context.host()
  const done: Imported[] = []
  for (const each of found) {
    context.signal.throwIfAborted()
    const known = await host.networks({ signal: context.signal })
    const work: Work = { context, host, dry, known, foreign: await foreignBridges(host, known, context.signal) }
    try { done.push(await one(work, each)) } catch (error) {
      if (context.signal.aborted) throw error
      context.complain(error)
      done.push({ file: each.file, change: 'refused', autostart: false })
    }
    const last = done.at(-1)
    if (last !== undefined) tell(context, last)
  }
  context.data(done)
  if (found.length === 0) context.extra(`No networks in ${escape(directory)}\n`)
  return done.every(({ change }) => change !== 'refused')
}
