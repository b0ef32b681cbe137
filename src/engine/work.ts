/** What a batch is asked to do: one form behind `host.create`, `network.start`, `network.attach`, `network.update` and `host.transaction`. */
import { located, type Whereabouts } from '../errors.js'
import type { NetworkSpec } from '../network/spec.js'
import type { PortInput } from './api.js'

/** `at`: where it stands in what the caller gave, `networks[217]`; undefined where there is only one. */
interface Asked { readonly at?: string }

/** A transient network. `subnet`: its subnet was written in the short form. */
export interface Created extends Asked { readonly spec: NetworkSpec, readonly subnet?: boolean }
/** A stored network, by name. */
export interface Started extends Asked { readonly name: string }
/** A running network, found by its name, becomes as `spec` says. */
export interface Updated extends Asked { readonly spec: NetworkSpec, readonly subnet?: boolean }
/** A port on a network that runs, or that the same batch makes. */
export interface Attached extends Asked { readonly network: string, readonly input: PortInput }
/** `keep`: the links of its ports stay for the next start. Where nobody could start it again they go all the same. */
export interface Stopped extends Asked { readonly name: string, readonly ports: 'keep' | 'remove' }
/** With `index` only that link, not another that has got its name since. */
export interface Detached extends Asked { readonly network: string, readonly dev: string, readonly index?: number }

export interface Work {
  readonly create?: readonly Created[]
  readonly start?: readonly Started[]
  readonly update?: readonly Updated[]
  readonly attach?: readonly Attached[]
  readonly stop?: readonly Stopped[]
  readonly detach?: readonly Detached[]
}

/** Nothing comes or changes. */
export const onlyRemoves = ({ create = [], start = [], update = [], attach = [] }: Work): boolean => create.length + start.length + update.length + attach.length === 0

/** Every network that the work is about, once. */
export function networksOf ({ create = [], start = [], update = [], attach = [], stop = [], detach = [] }: Work): string[] {
  return [...new Set([
    ...[...create, ...update].map(({ spec }) => spec.name), ...[...start, ...stop].map(({ name }) => name), ...[...attach, ...detach].map(({ network }) => network),
  ])]
}

/** For the journal and for whoever waits for the lock: `start red, blue, green and 497 more`. */
export function purposeOf (work: Work): string {
  const { create = [], start = [], update = [], attach = [], stop = [], detach = [] } = work
  const parts = [
    words('start', [...create.map(({ spec }) => spec.name), ...start.map(({ name }) => name)]), words('update', update.map(({ spec }) => spec.name)),
    words('attach ports to', [...new Set(attach.map(({ network }) => network))]), words('stop', stop.map(({ name }) => name)),
    words('detach', detach.map(({ dev }) => dev)),
  ]
  return parts.filter((part) => part !== '').join('; ')
}

function words (verb: string, names: readonly string[]): string {
  if (names.length === 0) return ''
  return `${verb} ${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${String(names.length - 3)} more` : ''}`
}

/** Of an error about a network: `networks[217].subnet`. */
export function aboutNetwork (network: string, at: string | undefined, part = ''): Whereabouts {
  return { network, ...at === undefined ? {} : { place: part === '' ? at : `${at}.${part}`, subject: `network ${network}` } }
}

/** Runs `work`; what it throws says whom it is about. */
export async function about<T> (where: Whereabouts, work: () => T | Promise<T>): Promise<T> {
  try { return await work() } catch (error) { throw located(error, where) }
}
