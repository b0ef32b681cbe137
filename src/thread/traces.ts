/** Tracing channels across threads: what is published over there is published here, with one context from an event's start to its end. */
import type { TracingChannel } from 'node:diagnostics_channel'
import { channels } from '../tracing.js'

type Name = keyof typeof channels
const STAGES = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
type Stage = typeof STAGES[number]

export class Traces {
  readonly #contexts = new Map<number, object>()

  publish (channel: string, stage: string, id: number, data: object): void {
    const context = Object.assign(this.#contexts.get(id) ?? {}, data)
    this.#contexts.set(id, context)
    if (stage === 'asyncEnd') this.#contexts.delete(id)
    const found = Object.entries(channels).find(([name]) => name === channel)?.[1]
    for (const name of STAGES) if (name === stage) found?.[name].publish(context)
  }
}

/** Hears what is published on this thread. */
export class Hearing {
  readonly #tell: (channel: Name, stage: Stage, id: number, context: object) => void
  readonly #ids = new WeakMap<object, number>()
  readonly #subscribed = new Map<Name, () => void>()
  #last = 0

  constructor (tell: (channel: Name, stage: Stage, id: number, context: object) => void) { this.#tell = tell }

  /** To these, and to no others. */
  listen (names: readonly string[]): void {
    for (const [name, leave] of this.#subscribed) if (!names.includes(name)) { leave(); this.#subscribed.delete(name) }
    for (const name of Object.keys(channels) as Name[]) if (names.includes(name) && !this.#subscribed.has(name)) this.#subscribed.set(name, this.#subscribe(name))
  }

  #subscribe (name: Name): () => void {
    const heard = (stage: Stage) => (context: object): void => { this.#tell(name, stage, this.#idOf(context), { ...context }) }
    const channel = channels[name] as TracingChannel<unknown, object>
    const listeners = { start: heard('start'), end: heard('end'), asyncStart: heard('asyncStart'), asyncEnd: heard('asyncEnd'), error: heard('error') }
    channel.subscribe(listeners)
    return () => { channel.unsubscribe(listeners) }
  }

  #idOf (context: object): number {
    const id = this.#ids.get(context) ?? ++this.#last
    this.#ids.set(context, id)
    return id
  }
}
