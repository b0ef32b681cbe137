/**
 * The books of one owner in one namespace: journal and standing records. Callers hold the lock where they write.
 *
 * What stands is read once and then kept up to date (see ledger.ts): it is read again only where somebody else has had the lock in between, which the
 * claim tells (see claim.ts). So a change costs the same however many networks stand.
 *
 *     standing/ID.json     a batch that stands, written once, never changed
 *     standing/ID.X.gone   links of it that stand no more: what is left of a large batch is not written again for each network that goes
 */
import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { mapSlowly } from '../netlink/breathe.js'
import type { FileChange } from '../netlink/native.js'
import { claimAs, MARK, markOver, parseClaim, readClaim, type Claim } from './claim.js'
import { absent, edit, editInside, ifEmpty, isFull, listEach, lookInto, namesOf, removeFile, tempsOf, textOf, written } from './files.js'
import { identity } from './identity.js'
import { indexesOf, Ledger, without, type Held } from './ledger.js'
import type { Places } from './places.js'
import { formatRecord, type BatchRecord, type NetworkRecord, type PortRecord, type Trying, type UpdateRecord } from './record.js'
import { ABANDONED, goneName, NAMED, Shelf, type Contents } from './shelf.js'
import { reached } from './spoken.js'

/** What a batch is of, and whether its record may use the room that is kept free for removals. */
export interface Content { readonly networks?: readonly NetworkRecord[], readonly ports?: readonly PortRecord[], readonly updates?: readonly UpdateRecord[], readonly follows?: string, readonly trial?: Trying, readonly confirms?: string, readonly removal?: boolean }

/** How often what stands is listed again that we ourselves change at the same moment. */
const ATTEMPTS = 20
/** Bytes, at least. */
const SPARE = 16_384

export class Book {
  /** Who we are, in the claim. */
  get mark (): string { return this.#mark ??= randomBytes(MARK / 2).toString('hex') }
  #mark: string | undefined
  /** The claim is there and has our mark. Of use under the lock only. */
  claimed = false
  /** While we have the lock, always the same, and another one each time: nobody else writes meanwhile what is written under the lock. */
  get session (): object | undefined { return this.#session }
  #session: object | undefined
  /** The claim as it was when we took the lock. */
  get found (): Claim | undefined { return this.#found }
  #found: Claim | undefined
  readonly #places: Places
  readonly #lifetime: string | undefined
  readonly #ledger = new Ledger()
  readonly #standing: Shelf
  readonly #journal: Shelf
  /** The ledger is right, as long as the claim has our mark or we have the lock. */
  #current = false
  #holding = false
  /** What killed processes left has been looked for since somebody else had the lock. */
  #swept = false
  /** Where that may be, listed when we took the lock: the graves, and what all owners share. */
  #strewn: readonly (readonly string[])[] | undefined
  /** Bytes that are kept free; undefined where we do not know. */
  #room: number | undefined
  /** Some of that was used. */
  #spent = false
  /** Counts the changes of the ledger. */
  #changes = 0
  /** What all owners of the namespace share lies there, written under the same lock. */
  readonly #shared: string
  readonly #sharedNames: ReadonlySet<string>

  /** `lifetime`: who ends with our process, as what is made is marked. */
  constructor (places: Places, lifetime?: string) {
    this.#places = places
    this.#lifetime = lifetime
    this.#standing = new Shelf(places.standing, { stands: true })
    this.#journal = new Shelf(places.journal, { stands: false })
    this.#shared = dirname(places.lock)
    this.#sharedNames = new Set([places.claim, places.forwarding].map((path) => basename(path)))
  }

  /** Whoever has taken the lock opens the book with it: if somebody else has had it meanwhile, what stands is read afresh. */
  async enter (): Promise<void> {
    const { claim, run, journal, standing, graves } = this.#places
    // Where nothing stood there is no claim, and so no proof that nobody else was here.
    const [text, intents, records, ...strewn] = await lookInto([claim, journal, ...this.claimed && this.#current ? [] : [standing, graves, this.#shared]])
    const found = this.#found = parseClaim(textOf(text))
    const ours = found?.run === run
    this.claimed = ours && found.mark === this.mark
    await this.#journal.look(namesOf(intents))
    if (!this.claimed || !this.#current) {
      this.#current = false
      this.#swept = false
      this.#strewn = records === undefined ? undefined : strewn.map(namesOf)
      this.#room = undefined
      if (ours && !this.claimed) {
        await edit([markOver(claim, this.mark)])
        this.claimed = true
      }
      await this.#refresh(records === undefined ? undefined : namesOf(records))
      this.#current = true
    }
    this.#session = {}
    this.#holding = true // not sooner: whoever looks meanwhile must not take what we knew before for what stands
  }

  /** Before the lock is given back. */
  leave (): void {
    this.#holding = false
    this.#session = undefined
  }

  /** What stands, of this boot. For those who do not have the lock it is right for as long as nobody else changes it. */
  async look (): Promise<Ledger> {
    if (!await this.#isRight()) await this.#refresh()
    return this.#ledger
  }

  /** What stands, of this boot, each network and port once. All of it: whoever wants one asks `look`. */
  async standing (): Promise<readonly BatchRecord[]> { return (await this.look()).records() }

  /** What is being made or removed, or was when its process died. */
  async journal (): Promise<readonly BatchRecord[]> { return [...(await this.#lookAt(this.#journal)).records.values()] }

  /** Nobody else writes there while we have the lock. */
  async #lookAt (shelf: Shelf): Promise<Contents> { return this.#holding ? await shelf.remembered() : await shelf.look() }

  /** What is being made, changed or removed; what is on trial stands. */
  async underway (): Promise<readonly BatchRecord[]> { return (await this.journal()).filter(({ trial }) => trial === undefined) }

  /** Networks as they would be again if what is on trial were taken back: nobody may have their place meanwhile. */
  async returning (): Promise<readonly NetworkRecord[]> { return (await this.journal()).flatMap(({ trial, updates = [] }) => trial === undefined ? [] : updates.map(({ before }) => before)) }

  /** Nobody has had the lock since we had it. Whoever enters meanwhile writes our mark before he knows what stands. */
  async #isRight (): Promise<boolean> {
    if (!this.#current || this.#holding) return this.#current
    // Whoever may not read it may not have written it either.
    return (await readClaim(this.#places.claim).catch(() => undefined))?.mark === this.mark && this.#current
  }

  /** What is listed while we ourselves change it is listed again. */
  async #refresh (listed?: readonly string[]): Promise<void> {
    for (let tries = 1; tries <= ATTEMPTS; tries++) {
      const before = this.#changes
      const { records, gone } = await this.#standing.look(tries === 1 ? listed : undefined)
      for (const [id, record] of records) if (!this.#ledger.held.has(id)) await foresee(record)
      if (before !== this.#changes) continue
      for (const id of [...this.#ledger.held.keys()]) if (!records.has(id)) { this.#ledger.drop(id); this.#changes++ }
      for (const [id, record] of records) {
        if (!this.#ledger.held.has(id)) { this.#ledger.add(record, gone.get(id)); this.#changes++ } else if (gone.has(id)) this.#ledger.remove(id, gone.get(id) ?? [])
      }
      return
    }
  }

  /** Writes an intent. Nothing that it names may have been touched before. */
  async intend (purpose: string, { networks = [], ports = [], updates = [], follows, trial, confirms, removal = false }: Content): Promise<BatchRecord> {
    const record: BatchRecord = {
      version: 1, id: freshId(), ...await identity(), purpose, networks, ports,
      ...updates.length === 0 ? {} : { updates }, ...follows === undefined ? {} : { follows }, ...trial === undefined ? {} : { trial }, ...confirms === undefined ? {} : { confirms }, ...this.#lifetime === undefined ? {} : { lifetime: this.#lifetime },
    }
    const text = await formatRecord(record)
    const size = Math.max(SPARE, 2 * Buffer.byteLength(text))
    const claims = networks.length > 0 && !removal && !this.claimed
    const { claim, journal, run } = this.#places
    try {
      await this.#write(this.#journal, fileOf(record), { text, removal, first: removal ? [] : await this.#roomFor(size), last: claims ? [claimAs(claim, { mark: this.mark, run })] : [] })
    } catch (error) {
      await edit([absent(join(journal, fileOf(record))), ...this.#unused ? this.#tidying(true) : []]).catch(() => undefined)
      throw error
    }
    if (claims) this.claimed = true
    if (!removal) this.#room = Math.max(size, this.#room ?? 0)
    this.#journal.put(fileOf(record), record)
    return record
  }

  /** The intent is done: all of it stands. */
  async stand (record: BatchRecord): Promise<void> {
    const file = fileOf(record)
    await foresee(record)
    const { journal, standing } = this.#places
    await editInside(standing, [{ kind: 'moved', path: join(journal, file), to: join(standing, file) }], { there: this.#ledger.held.size > 0 })
    this.#journal.take(file)
    this.#stands(record)
    // What older records say of an updated network is void by its revision; that they still say it costs a little room.
    if (record.updates !== undefined) await this.#discard(await this.#strikeOut(record.updates.map(({ after }) => after.bridge.index), record.id)).catch(() => undefined)
  }

  /** The intent is void: nothing that it names was touched, or all of it is as before. */
  async drop (record: BatchRecord): Promise<void> { await this.#close(record, []) }

  /** `ids`: records of which nothing stands any more. */
  async #close (record: BatchRecord, ids: readonly string[]): Promise<void> {
    const { journal } = this.#places
    const going = ids.reduce((sum, id) => sum + this.#filesOf(id).length, 1)
    const stands = this.#current && this.#holding && this.#ledger.held.size > ids.length
    const tidying = stands ? [ifEmpty(journal, 1)] : this.#tidying(this.#journal.holds + this.#standing.holds <= going)
    await this.#discard(ids, [absent(join(journal, fileOf(record))), ...tidying])
    this.#journal.take(fileOf(record))
    // On a full disk the room was used: the next one to stop needs it too.
    if (this.#spent && this.#ledger.held.size > 0) await edit(await this.#roomFor(SPARE)).then(() => { this.#spent = false; this.#room = SPARE }, () => undefined)
  }

  #filesOf (id: string): readonly string[] { return [`${id}.json`, ...this.#standing.beside(id)] }

  #stands (record: BatchRecord): void {
    this.#ledger.add(this.#standing.put(fileOf(record), record))
    this.#changes++
  }

  /** From now on whoever comes next may finish or undo it, although our process lives. */
  async abandon (record: BatchRecord): Promise<void> {
    if (record.abandoned === true) return
    const given = { ...record, abandoned: true }
    await edit([{ kind: 'moved', path: join(this.#places.journal, fileOf(record)), to: join(this.#places.journal, fileOf(given)) }])
    this.#journal.take(fileOf(record))
    this.#journal.put(fileOf(given), given)
  }

  /** What the intent names is gone: takes it out of what stands, then drops the intent, then directories that are empty. */
  async gone (record: BatchRecord): Promise<void> {
    await this.#close(record, await this.#strikeOut(indexesOf(record)))
  }

  /** What was on trial is taken back: networks that it updated stand as before, whose they were, and what it made is gone. */
  async revert (record: BatchRecord): Promise<void> {
    for (const { before, after: { revision = 0 } } of record.updates ?? []) {
      const { index } = before.bridge
      if ((await this.look()).bridge(index)?.revision !== revision) continue // stopped since, or put back already
      const { process, lifetime } = record.trial?.holders.find((holder) => holder.index === index) ?? record
      const back: BatchRecord = { version: 1, id: freshId(), boot: record.boot, process, purpose: record.purpose, networks: [{ ...before, revision: revision + 1 }], ports: [], ...lifetime === undefined ? {} : { lifetime } }
      await this.#write(this.#standing, fileOf(back), { text: await formatRecord(back), removal: true })
      this.#stands(back)
      await this.#discard(await this.#strikeOut([index], back.id))
    }
    await this.gone(record)
  }

  /** Takes links out of all records but one. Returns those of which nothing is left, which are to be discarded. */
  async #strikeOut (links: readonly number[], except?: string): Promise<readonly string[]> {
    const ledger = await this.look()
    const going = new Map<Held, number[]>()
    for (const index of links) {
      for (const held of ledger.holders(index)) {
        const indexes = going.get(held)
        if (held.record.id === except) continue
        if (indexes === undefined) going.set(held, [index])
        else indexes.push(index)
      }
    }
    const whole: string[] = []
    for (const [held, indexes] of going) {
      const left = held.record.networks.length + held.record.ports.length - held.gone.size - indexes.length
      if (left > held.gone.size + indexes.length || !await this.#replaced(held, left, indexes)) await this.#strike(held, indexes)
      else whole.push(held.record.id)
    }
    return whole
  }

  /** Less than half of a record is gone: that is written down beside it. On a full disk it is as many names as it takes. */
  async #strike ({ record: { id } }: Held, indexes: readonly number[]): Promise<void> {
    try { await this.#note(id, indexes) } catch (error) {
      if (!isFull(error) || indexes.length <= NAMED) throw error
      for (let from = 0; from < indexes.length; from += NAMED) await this.#note(id, indexes.slice(from, from + NAMED))
    }
  }

  async #note (id: string, indexes: readonly number[]): Promise<void> {
    const few = indexes.length <= NAMED
    const file = goneName(id, few ? indexes.join('-') : randomBytes(6).toString('hex'))
    await this.#write(this.#standing, file, { text: few ? '' : `${indexes.join('\n')}\n`, removal: true })
    this.#standing.strike(file, id, indexes)
    this.#ledger.remove(id, indexes)
    this.#changes++
  }

  /** False where the disk has no room for it: then the old record stays, with what is gone beside it. */
  async #replaced (held: Held, left: number, indexes: readonly number[]): Promise<boolean> {
    if (left > 0) try { await this.#replace(held, indexes) } catch (error) { if (isFull(error)) return false; throw error }
    return true
  }

  /** What is left of a record gets a record of its own; the old one is to be dropped then. */
  async #replace ({ record, gone }: Held, indexes: readonly number[]): Promise<void> {
    // A killed process may have left an old record beside its replacement.
    const twice = indexesOf(record).filter((index) => this.#ledger.holders(index).length > 1)
    const rest = { ...without(record, new Set([...gone, ...indexes, ...twice])), id: freshId() }
    if (rest.networks.length + rest.ports.length === 0) return
    await this.#write(this.#standing, fileOf(rest), { text: await formatRecord(rest), removal: true })
    this.#stands(rest)
  }

  /** Each record first: what is written beside it means nothing without it. `last`: what follows them. */
  async #discard (ids: readonly string[], last: readonly FileChange[] = []): Promise<void> {
    const files = ids.flatMap((id) => this.#filesOf(id))
    await edit([...files.map((file) => absent(join(this.#places.standing, file))), ...last])
    for (const file of files) this.#standing.take(file)
    for (const id of ids) this.#ledger.drop(id)
    if (ids.length > 0) this.#changes++
  }

  /** Whether a killed process left the beginning of a record, or room for one, or an earlier boot its records (below a root that is not in memory). */
  async littered (): Promise<boolean> {
    const { journal, standing, graves, run, spare } = this.#places
    const [records, intents, buried = [], shared = [], own = []] = await listEach([standing, journal, graves, this.#shared, run])
    const shelves = await Promise.all([this.#standing.look(records), this.#journal.look(intents)])
    return (this.#unused && own.includes(basename(spare))) || shelves.some((shelf) => shelf.torn || shelf.void.length > 0) || tempsOf(graves, buried).length + tempsOf(this.#shared, shared, this.#sharedNames).length > 0
  }

  /** Removes what `littered` sees; once is enough while nobody else has the lock. Callers hold it. */
  async sweep (): Promise<void> {
    if (this.#swept) return
    const { graves, spare } = this.#places
    const shelves = await Promise.all([this.#standing, this.#journal].map(async (shelf) => {
      const useless = (await this.#lookAt(shelf)).void.map((name) => absent(join(shelf.directory, name)))
      return [...useless, ...tempsOf(shelf.directory, [...shelf.names])]
    }))
    const [buried = [], shared = []] = this.#strewn ?? await listEach([graves, this.#shared])
    this.#strewn = undefined
    await edit([...this.#unused ? [absent(spare)] : [], ...shelves.flat(), ...tempsOf(graves, buried), ...tempsOf(this.#shared, shared, this.#sharedNames)])
    this.#swept = this.#holding
  }

  /** Nothing is on record, as far as we know. */
  get #unused (): boolean { return this.#journal.holds + this.#standing.holds === 0 }

  /** Removes directories that are empty. Needs no lock. */
  async tidy (): Promise<void> { await edit(this.#tidying(false)) }

  /** `unused`: nothing is on record, so that nothing needs room. */
  #tidying (unused: boolean): FileChange[] {
    const { journal, standing, spare, graves, run, lock } = this.#places
    if (unused) this.#room = undefined
    return [...unused ? [absent(spare)] : [], ...[journal, standing, graves].map((directory) => ifEmpty(directory, 1)), ifEmpty(run, 3), ifEmpty(dirname(lock), 1)]
  }

  /** `removal`: where the disk is full, the room that was kept is used. `first`, `last`: what is changed before and after. */
  async #write (shelf: Shelf, file: string, { text, removal, first = [], last = [] }: { readonly text: string, readonly removal: boolean, readonly first?: readonly FileChange[], readonly last?: readonly FileChange[] }): Promise<void> {
    const { spare } = this.#places
    const there = shelf === this.#standing && this.#ledger.held.size > 0 // a standing record keeps the directory
    const write = async (): Promise<void> => { await editInside(shelf.directory, [...first, written(join(shelf.directory, file), text), ...last], { there }) }
    try { await write() } catch (error) {
      if (!removal || !isFull(error) || !await removeFile(spare)) throw error
      this.#room = undefined
      this.#spent = true
      await write()
    }
  }

  /** What starts must be able to stop: room for the intent and for a record that replaces another, on the same file system. */
  async #roomFor (size: number): Promise<readonly FileChange[]> {
    const { spare } = this.#places
    this.#room ??= this.#unused ? 0 : await stat(spare).then((found) => found.size, () => 0)
    return this.#room < size ? [{ kind: 'room', path: spare, size }] : []
  }
}

/** The ledger takes a record in one stretch: what that needs of hundreds of networks is computed before, and best while the kernel is busy with them. */
export async function foresee ({ networks }: Pick<BatchRecord, 'networks'>): Promise<void> { await mapSlowly(networks, ({ definition }) => reached(definition)) }

const freshId = (): string => randomBytes(9).toString('hex')

const fileOf = ({ id, abandoned = false }: BatchRecord): string => `${id}${abandoned ? ABANDONED : '.json'}`
