/** `netwright top`: looks again and again, and shows it: on the whole screen, or as lines. */
import type { Host, HostEvent, Topology } from '../../index.js'
import type { Context } from '../command.js'
import { eventText } from '../print/events.js'
import { paint } from '../print/strip.js'
import { localTime } from '../print/time.js'
import { hostWords } from '../topology/words.js'
import { ratesOf, sampleOf, type NetworkRate, type Sample } from './sample.js'
import { takeScreen } from './screen.js'
import { frame, header, orders, room, table, type Note, type Wishes } from './view.js'

export interface TopOptions { /** Seconds. */ readonly interval: number, readonly once: boolean }

const MOST_NOTES = 1000

/** Something may have happened; whoever waits is woken. */
class Bell {
  #ring: (() => void) | undefined
  ring (): void { this.#ring?.() }
  /** Resolves when it rings, when the time is over, or when the signal aborts. */
  async wait (milliseconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    await new Promise<void>((resolve) => {
      const done = (): void => { clearTimeout(timer); signal.removeEventListener('abort', done); this.#ring = undefined; resolve() }
      const timer = setTimeout(done, Math.max(0, milliseconds))
      signal.addEventListener('abort', done)
      this.#ring = done
    })
  }
}

/** What is known of the host, look by look. */
class Observer {
  readonly bell = new Bell()
  readonly #host: Host
  readonly #signal: AbortSignal
  readonly #happened: HostEvent[] = []
  readonly notes: Note[] = []
  topology: Topology | undefined
  networks: readonly NetworkRate[] = []
  #before: Sample | undefined
  #stale = true
  #failure: Error | undefined

  constructor (host: Host, signal: AbortSignal) {
    this.#host = host
    this.#signal = signal
  }

  /** Until the signal. */
  async follow (): Promise<void> {
    try {
      for await (const event of this.#host.events({ signal: this.#signal })) {
        if (event.kind === 'snapshot' || (event.kind === 'lease' && event.lease.change === 'present')) continue
        this.#stale = true
        this.#happened.push(event)
        const time = clock()
        for (const text of eventText(event).trimEnd().split('\n')) this.notes.push({ time, text })
        this.notes.splice(0, Math.max(0, this.notes.length - MOST_NOTES))
        this.bell.ring()
      }
    } catch (error) { if (!this.#signal.aborted) { this.#failure = error instanceof Error ? error : new Error(String(error)); this.bell.ring() } }
  }

  /** Counts again. What stands is looked at anew only where something has happened. Resolves with the seconds since the last time. */
  async look (): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.topology === undefined || this.#stale) {
      this.#stale = false
      this.topology = await this.#host.topology({ signal: this.#signal })
    }
    const sample = await sampleOf(this.#host, this.topology, this.#signal)
    const seconds = this.#before === undefined ? 0 : (sample.at - this.#before.at) / 1000
    this.networks = ratesOf(this.#before, sample)
    this.#before = sample
    return seconds
  }

  /** What has happened since the last call. */
  happened (): readonly HostEvent[] { return this.#happened.splice(0) }
}

const clock = (): string => localTime(new Date()).slice(11)

/** Runs until the signal, a `q`, or (`once`) the first rates. */
export async function top (host: Host, context: Context, options: TopOptions): Promise<void> {
  const end = new AbortController()
  const signal = AbortSignal.any([context.signal, context.unread, end.signal])
  const observer = new Observer(host, signal)
  const following = observer.follow()
  try {
    await (context.screen !== undefined && !context.json && !options.once ? onScreen : asLines)(observer, context, { ...options, signal, end: () => { end.abort() } })
  } catch (error) {
    if (!signal.aborted) throw error // ended on request, in the middle of a look
  } finally {
    end.abort()
    await following
  }
}

interface Run extends TopOptions { readonly signal: AbortSignal, readonly end: () => void }

async function asLines (observer: Observer, context: Context, { interval, once, signal }: Run): Promise<void> {
  const over = (): boolean => signal.aborted
  let due = performance.now()
  await observer.look()
  while (!over()) {
    due += interval * 1000
    while (performance.now() < due && !over()) await observer.bell.wait(due - performance.now(), signal)
    if (over()) return
    const seconds = await observer.look()
    const events = observer.happened()
    if (context.json) context.data({ at: new Date(), seconds, networks: observer.networks, events })
    else context.print(lines(observer, events, context))
    if (once) return
  }
}

/** For a log: a table each time, and what happened before it. */
function lines ({ networks }: Observer, events: readonly HostEvent[], { quiet, unicode }: Context): string {
  const time = clock()
  const rows = [...quiet ? [] : [header(80, unicode)], ...table({ networks, wishes: { order: 'name', ports: true, above: 0 } }, 80, unicode)].map((strip) => paint(strip, false))
  return [...events.flatMap((event) => eventText(event).trimEnd().split('\n')), ...rows].map((line) => `${time} ${line}\n`).join('')
}

async function onScreen (observer: Observer, context: Context, { interval, signal, end }: Run): Promise<void> {
  const { screen: out, keys, unicode: fancy, colours } = context
  if (out === undefined) return
  let wishes: Wishes = { order: 'name', ports: true, above: 0 }
  await observer.look()
  const screen = takeScreen(out, keys, {
    key: (key) => {
      if (key === 'q') end()
      else wishes = wished(wishes, key, observer.networks, screen.size().high)
      observer.bell.ring()
    },
    redraw: () => { observer.bell.ring() },
  })
  try {
    const over = (): boolean => signal.aborted
    let due = performance.now() + interval * 1000
    while (!over()) {
      const { topology, networks, notes } = observer
      const title = topology === undefined ? '' : hostWords(topology.host)
      screen.draw(frame({ title, time: clock(), interval, networks, notes, wishes }, { ...screen.size(), fancy }).map((strip) => paint(strip, colours)))
      await observer.bell.wait(due - performance.now(), signal)
      if (over() || performance.now() < due) continue
      due = performance.now() + interval * 1000
      await observer.look()
    }
  } finally { screen.leave() }
}

/** What a key changes. */
export function wished (wishes: Wishes, key: string, networks: readonly NetworkRate[], high: number): Wishes {
  const rows = networks.reduce((sum, { ports }) => sum + 1 + (wishes.ports ? ports.length : 0), 0)
  const page = room(high, rows).table
  const to = (above: number): Wishes => ({ ...wishes, above: Math.max(0, Math.min(rows - page, above)) })
  switch (key) {
    case 'up': case 'k': return to(wishes.above - 1)
    case 'down': case 'j': return to(wishes.above + 1)
    case 'pageup': return to(wishes.above - page)
    case 'pagedown': case ' ': return to(wishes.above + page)
    case 'p': return { ...wishes, ports: !wishes.ports, above: 0 }
    case 's': return { ...wishes, order: orders[(orders.indexOf(wishes.order) + 1) % orders.length] ?? 'name', above: 0 }
    default: return wishes
  }
}
