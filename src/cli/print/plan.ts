/** A plan for people: a line a change, `+` for what comes, `~` for what changes, `-` for what goes. */
import type { Change, Consequence, Plan } from '../../index.js'
import { escape } from './escape.js'

/** How many networks and ports come, change and go. */
export interface Tally { readonly add: number, readonly change: number, readonly remove: number }

type Sign = '+' | '~' | '-'

function signOf (change: Change): Sign {
  if (change.kind === 'autostart') return '~'
  return change.from === undefined ? '+' : change.to === undefined ? '-' : '~'
}

/** Where something comes from is written down with it; only a change of hands is news. */
const isNews = (change: Change): boolean => change.kind !== 'source' || (change.from !== undefined && change.to !== undefined)

/** What people are told of. */
export const news = ({ changes }: Pick<Plan, 'changes'>): readonly Change[] => changes.filter(isNews)

/** Counts networks and ports, each once: one that goes and comes has changed. */
export function tally (plan: Pick<Plan, 'changes'>): Tally {
  const signs = new Map<string, Sign>()
  for (const change of news(plan)) {
    const dev = change.kind === 'port' ? (change.to ?? change.from)?.dev : change.kind === 'source' ? change.dev : undefined
    const key = `${dev ?? ''}\0${change.network}`
    const sign = change.kind === 'autostart' ? signs.get(key) ?? '~' : signOf(change)
    signs.set(key, signs.get(key) === undefined || signs.get(key) === sign ? sign : '~')
  }
  const count = (sign: Sign): number => [...signs.values()].filter((one) => one === sign).length
  return { add: count('+'), change: count('~'), remove: count('-') }
}

function line (lead: string, { what, reason, interrupts }: Consequence): string {
  return `${escape(`${lead}${what} (${reason})${interrupts === 'none' ? '' : `: ${interrupts}`}`)}\n`
}

/** The list, with the parts of what changes while it runs below it. */
export function planText (plan: Pick<Plan, 'changes'>): string {
  return news(plan).map((change) => [line(`${signOf(change)} `, change), ...(change.parts ?? []).map((part) => line('    ', part))].join('')).join('')
}

/** `2 to add, 1 to change, 0 to remove`, or with `done` `2 added, 1 changed, 0 removed`. */
export function tallyText ({ add, change, remove }: Tally, done: boolean): string {
  return done ? `${String(add)} added, ${String(change)} changed, ${String(remove)} removed` : `${String(add)} to add, ${String(change)} to change, ${String(remove)} to remove`
}
