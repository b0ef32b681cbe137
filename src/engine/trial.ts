/** A change of a host bridge that is on trial: who watches over it, and what became of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { NetwrightError } from '../errors.js'
import { monotonic } from '../kernel/footprint.js'
import type { Means } from './carry.js'
import type { ManagerAdvice, Trial } from './host-bridge-api.js'
import { readRecord, type HostBridgeRecord } from './host-bridge-record.js'
import { takeBack, type Filed, type TakenBack } from './host-bridge-undo.js'
import type { Reaper } from './reaper.js'
import { failure } from './undo.js'

/** Milliseconds between looks at the record: somebody else may confirm it, or the watcher take it back. */
const LOOK = 50
/** Milliseconds after its end that the watcher has, before we do its work. */
const GRACE = 5_000

export interface Trying {
  readonly name: string
  readonly change: 'create' | 'remove'
  readonly filed: Filed
  readonly means: Means
  /** Milliseconds of CLOCK_MONOTONIC. */
  readonly deadline: number
  readonly confirmWithin: number
  readonly movedInMs: number
  readonly advice: readonly ManagerAdvice[]
  readonly watcher: Reaper
  readonly confirm: () => Promise<void>
}

type Decision = 'kept' | 'taken back'

/** What a record says of a change; undefined while nothing is decided. */
function decided (record: HostBridgeRecord | undefined, change: Trying['change']): Decision | undefined {
  if (record?.state === 'trial') return undefined
  const stands = record !== undefined
  return stands === (change === 'create') ? 'kept' : 'taken back'
}

export class TrialHandle implements Trial {
  readonly name: string
  readonly confirmWithin: number
  readonly movedInMs: number
  readonly advice: readonly ManagerAdvice[]
  readonly outcome: Promise<Decision>
  readonly #trying: Trying
  readonly #hurry = new AbortController()

  constructor (trying: Trying) {
    this.#trying = trying
    this.name = trying.name
    this.confirmWithin = trying.confirmWithin
    this.movedInMs = trying.movedInMs
    this.advice = trying.advice
    this.outcome = this.#wait()
    this.outcome.catch(() => undefined) // whoever asks is told
  }

  async #wait (): Promise<Decision> {
    const { filed, change, deadline, watcher } = this.#trying
    try {
      for (;;) {
        const decision = decided(await readRecord(filed.path), change)
        if (decision !== undefined) return decision
        if (monotonic() > deadline + GRACE) await this.#undo()
        await sleep(LOOK, undefined, { signal: this.#hurry.signal }).catch(() => undefined)
      }
    } finally { await watcher.end() }
  }

  async #undo (): Promise<void> {
    const { filed, means, name, change } = this.#trying
    complain(`host-bridge ${change} ${name}`, await takeBack(filed, means))
  }

  async confirm (): Promise<void> {
    const decision = decided(await readRecord(this.#trying.filed.path), this.#trying.change)
    if (decision === 'taken back') throw this.#unconfirmed()
    if (decision === undefined) await this.#trying.confirm()
    this.#hurry.abort()
    if (await this.outcome === 'taken back') throw this.#unconfirmed()
  }

  #unconfirmed (): NetwrightError {
    const { name, confirmWithin } = this.#trying
    return unconfirmed(`host bridge ${name}`, confirmWithin, `netwright host-bridge confirm ${name}, from a connection that works, in time`)
  }

  async takeBack (): Promise<void> {
    try { await this.#undo() } finally { this.#hurry.abort() }
    await this.outcome
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    if (decided(await readRecord(this.#trying.filed.path), this.#trying.change) === undefined) await this.takeBack()
    await this.outcome
  }
}

/** `confirmWithin`: seconds. */
export function unconfirmed (what: string, confirmWithin: number, remedy = 'confirm it in time'): NetwrightError {
  return new NetwrightError('NETWRIGHT_UNCONFIRMED', `${what}: nobody confirmed the change within ${String(confirmWithin)} s: it was taken back`, { remedy })
}

/** Throws where not all could be taken back. */
export function complain (purpose: string, { left }: TakenBack): void {
  if (left.length > 0) throw failure(purpose, left[0]?.error, left)
}
