/** The options that every verb takes, before it or after it. */
import type { Parameter } from './command.js'
import { Failure, UsageError } from './failure.js'

export interface GlobalParameter extends Parameter { readonly short?: string }

/** As they stand in `netwright --help`. */
export const globalParameters: readonly GlobalParameter[] = [
  { kind: 'text', name: 'connect', short: 'c', value: 'URI', description: 'accepted as virsh takes it; only this host can be meant' },
  { kind: 'flag', name: 'readonly', short: 'r', description: 'refuse whatever would change something' },
  { kind: 'flag', name: 'quiet', short: 'q', description: 'results only: no messages, no table headers' },
  { kind: 'flag', name: 'timing', short: 't', description: 'say how long each command took' },
  { kind: 'flag', name: 'json', description: 'results as JSON on standard output, errors as JSON on standard error' },
  { kind: 'text', name: 'root', value: 'DIR', names: 'directory', description: 'configuration, state and run files below DIR (also NETWRIGHT_ROOT)' },
  { kind: 'text', name: 'netns', value: 'NAME|PATH|PID', names: 'namespace', description: 'work in another network namespace' },
  { kind: 'text', name: 'owner', value: 'NAME', description: 'whose networks these are (default: system)' },
  { kind: 'text', name: 'log', value: 'LEVEL', choices: ['trace', 'debug', 'info', 'warn', 'error'], description: 'what happens, as JSON lines on standard error' },
  { kind: 'flag', name: 'help', short: 'h', description: 'this text, or that of a verb' },
  { kind: 'flag', name: 'version', short: 'v', description: 'the version' },
]

/** What was given for them. */
export type Given = ReadonlyMap<string, string | true>

/** Where the work happens: one host is opened for each. */
export interface Place { readonly root?: string, readonly netns?: string | number, readonly owner?: string, readonly log?: string }

const string = (value: string | true | undefined): string | undefined => typeof value === 'string' ? value : undefined

/** The place that options and environment name. A netns of digits only is a pid. */
export function placeOf (given: Given, environment: Readonly<Record<string, string | undefined>>): Place {
  const root = string(given.get('root')) ?? environment.NETWRIGHT_ROOT
  const netns = string(given.get('netns'))
  const owner = string(given.get('owner'))
  const log = string(given.get('log'))
  const levels = globalParameters.find((parameter) => parameter.name === 'log')?.choices ?? []
  if (log !== undefined && !levels.includes(log)) throw new UsageError(`--log is one of ${levels.join(', ')}, not '${log}'`)
  return {
    ...(root === undefined || root === '' ? {} : { root }),
    ...(netns === undefined ? {} : { netns: /^\d+$/.test(netns) ? Number(netns) : netns }),
    ...(owner === undefined ? {} : { owner }),
    ...(log === undefined ? {} : { log }),
  }
}

/** `-c URI`: any local one is taken and means nothing; `qemu+ssh://host/system` or `qemu://host/system` is refused. Source: libvirt.org/uri.html. */
export function refuseRemote (uri: string): void {
  const parts = /^[a-z0-9]+(?:\+([a-z0-9]+))?:(?:\/\/([^/?#]*))?/i.exec(uri)
  const host = parts?.[2] ?? ''
  const transport = parts?.[1]?.toLowerCase() ?? 'unix'
  if (host === '' && transport === 'unix') return
  const where = host === '' ? 'that host' : host.replace(/:\d+$/, '')
  throw new Failure({
    sentence: 'failed to connect to the hypervisor',
    driver: `'${uri}' names another host or way to it; netwright works on the host it runs on`,
    remedy: `run it there: ssh ${where} netwright …`,
  })
}
