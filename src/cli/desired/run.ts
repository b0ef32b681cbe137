/** What `plan`, `apply` and `delete` have in common: what should stand is read, compared and carried out. */
import { checkDesired, InputError, type CheckedDesired, type Document, type Host, type Issue, type Plan, type PlanOptions } from '../../index.js'
import type { Context, Values } from '../command.js'
import { attempt, Failure, UsageError } from '../failure.js'
import { news, planText, tally, tallyText } from '../print/plan.js'
import { openBar } from './bar.js'
import { readDocuments } from './documents.js'

export interface Wish { readonly verb: 'plan' | 'apply' | 'delete', readonly prune: boolean }

interface Read { readonly desired: CheckedDesired, readonly host: Host, readonly options: PlanOptions }

const nameOf = (values: Values): string => values.data('file') === '-' ? 'standard input' : values.data('file')

/** Reads FILE|DIR|-. Throws InputError with the complaints of all of it. */
async function read (values: Values, context: Context, { verb, prune }: Wish): Promise<Read> {
  const file = values.data('file')
  const name = values.text('source')
  if (file === '-' && prune && name === undefined) throw new UsageError('--prune needs --source <name> where standard input is read: what was made from the same source is removed')
  const { documents, path, issues } = await readDocuments(context, file)
  const desired = await checked(documents, issues)
  if (documents.every(isEmpty)) throw new Failure({ driver: `${nameOf(values)} names neither networks nor ports`, remedy: 'where none are meant, say so: networks: []' })
  const source = name ?? path
  return { desired, host: await context.host(), options: { signal: context.signal, prune, remove: verb === 'delete', ...source === undefined ? {} : { source } } }
}

/** Nothing but comments, or not even those: rather a file that was not written, or a command before the pipe that failed, than the wish for nothing. */
const isEmpty = (document: Document): boolean => 'data' in document && (document.data === null || document.data === undefined)

/** With the complaints of all files, those that could not be read too. */
async function checked (documents: readonly Document[], issues: readonly Issue[]): Promise<CheckedDesired> {
  try {
    const desired = await checkDesired(documents)
    if (issues.length === 0) return desired
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    throw issues.length === 0 ? error : new InputError([...issues, ...error.issues])
  }
  throw new InputError(issues)
}

/** `netwright plan`: prints it. Resolves with whether anything would change. */
export async function showPlan (values: Values, context: Context): Promise<boolean> {
  const plan = await attempt(`Failed to plan ${nameOf(values)}`, {}, async () => {
    const { desired, host, options } = await read(values, context, { verb: 'plan', prune: values.flag('prune') })
    return await host.plan(desired, options)
  })
  tell(plan, context)
  const count = tally(plan)
  context.data({ plan: { ...count, owner: plan.owner, source: plan.source, prune: plan.prune, fingerprint: plan.fingerprint } })
  if (!context.json) context.print(planText(plan))
  context.extra(news(plan).length === 0 ? 'No changes: everything is as it should be\n' : `\nPlan: ${tallyText(count, false)}\n`)
  return news(plan).length > 0
}

/** `netwright apply` and `netwright delete`: does it, and says what was done. */
export async function carryOut (values: Values, context: Context, wish: Wish): Promise<void> {
  const plan = await attempt(`Failed to ${wish.verb} ${nameOf(values)}`, {}, async () => {
    const { desired, host, options } = await read(values, context, wish)
    const bar = context.bar === undefined || context.json || context.quiet ? undefined : await openBar(context.bar)
    try { return await host.apply(desired, { ...options, ...bar === undefined ? {} : { progress: bar.show } }) } finally { bar?.end() }
  })
  tell(plan, context)
  const count = tally(plan)
  const done = wish.verb === 'delete' ? 'deleted' : 'applied'
  context.data({ [done]: { ...count, owner: plan.owner, source: plan.source } })
  context.extra(news(plan).length === 0 ? 'No changes: everything is as it should be\n' : `${planText(plan)}\n${done === 'deleted' ? 'Deleted' : 'Applied'}: ${tallyText(count, true)}\n`)
}

function tell (plan: Plan, context: Context): void {
  if (context.json) for (const change of plan.changes) context.data(change)
}
