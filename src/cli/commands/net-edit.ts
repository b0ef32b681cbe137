/** `virsh net-edit`. Source: tools/virsh-edit.c. */
import type { Network } from '../../index.js'
import type { Command, Context } from '../command.js'
import { attempt, Failure, operationFailed } from '../failure.js'
import { draft, type Draft } from '../editor.js'
import { findNetwork, networkThat } from '../find-network.js'
import { escape } from '../print/escape.js'

type Outcome = 'changed' | 'unchanged' | 'discarded'

const changedMeanwhile = 'The XML configuration was changed by another user.'

const choices = `y - yes, start editor again
n - no, throw away my changes
f - force, try to redefine again
? - print this help
`

/** virsh's question, until one of its answers comes. */
async function question (context: Context, why: string): Promise<'y' | 'n' | 'f'> {
  for (;;) {
    const answer = (await context.ask(`${why} Try again? [y,n,f,?]: `)).trim().toLowerCase()
    if (answer === 'y' || answer === 'n' || answer === 'f') return answer
    if (answer === '?') context.print(choices)
  }
}

/** Defines what was written; resolves with why it failed, after saying so. Without a terminal nobody can correct it: it throws. */
async function define (context: Context, text: string): Promise<string | undefined> {
  try {
    await attempt(undefined, { NETWRIGHT_EXISTS: operationFailed }, async () => await (await context.host()).define(text, { signal: context.signal }))
    return undefined
  } catch (error) {
    if (!context.terminal) throw error
    context.complain(error)
    return 'Failed.'
  }
}

/** Edits until it is defined, given up, or left as it was. The stored definition is read again before it is replaced, so that nobody's change is lost. */
async function edit (context: Context, network: Network, original: string, file: Draft): Promise<Outcome> {
  let before = original
  let text = await file.edit()
  for (;;) {
    if (text === before) return 'unchanged'
    const now = await network.xml({ signal: context.signal, inactive: true })
    const why = now === before ? await define(context, text) : changedMeanwhile
    if (why === undefined) return 'changed'
    if (!context.terminal) throw new Failure({ sentence: why, remedy: 'run net-edit again: it starts from what stands now' })
    before = now
    const answer = await question(context, why)
    if (answer === 'n') return 'discarded'
    if (answer === 'y') text = await file.edit()
  }
}

export const command: Command = {
  name: 'net-edit',
  group: 'Networks',
  summary: 'edit XML configuration for a network',
  description: 'Opens the stored definition in $VISUAL, $EDITOR or vi and defines what you wrote. A running network changes at its next start.',
  parameters: [networkThat('persistent network')],
  changes: 'virNetworkDefineXML',
  run: async (values, context) => {
    const name = values.data('network')
    const network = await findNetwork(context, name)
    const original = await attempt(undefined, {}, () => network.xml({ signal: context.signal, inactive: true }))
    const file = await draft(original)
    try {
      const outcome = await edit(context, network, original, file)
      context.data({ name: network.name, uuid: network.uuid, change: outcome })
      if (outcome === 'discarded') return false
      context.extra(`Network ${escape(network.name)} XML configuration ${outcome === 'changed' ? 'edited' : 'not changed'}.\n`)
      return true
    } finally {
      await file.discard()
    }
  },
}
