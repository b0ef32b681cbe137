/** What is written down of a dnsmasq that runs, so that any process finds it again. */
import { join } from 'node:path'
import * as v from 'valibot'
import { adoptDnsmasq, findRunning } from '../dnsmasq/adopt.js'
import { dnsmasqFiles, type DnsmasqFiles } from '../dnsmasq/place.js'
import type { DnsmasqRecord, Running } from '../dnsmasq/running.js'
import { native } from '../netlink/native.js'
import type { Context } from './context.js'
import { fileName } from './places.js'

/** Which process it is, and what it said when it was ready. */
export interface Noted { readonly process: DnsmasqRecord, readonly ready: string }
const schema = v.object({ process: v.object({ pid: v.number(), startTime: v.string(), configPath: v.string(), hash: v.string() }), ready: v.string() })

/** Bytes: many times what one has. */
const LIMIT = 64 * 1024

/** The files of a network's dnsmasq. */
export function filesOf (context: Pick<Context, 'places'>, name: string): DnsmasqFiles {
  return dnsmasqFiles(context.places.dnsmasq, context.places.leases, fileName(name))
}
/** Where that is written. */
export const notePath = (context: Pick<Context, 'places'>, name: string): string => join(context.places.dnsmasq, `${fileName(name)}.json`)

async function noted (context: Pick<Context, 'places'>, name: string): Promise<Noted | undefined> {
  const [text] = await native().filesRead(-1, [notePath(context, name)], LIMIT)
  if (text === null || text === undefined) return undefined
  try {
    const result = v.safeParse(schema, JSON.parse(text.toString()))
    return result.success ? result.output : undefined
  } catch { return undefined }
}

/** The process that runs for this network, proved ours; undefined where there is none. `thorough` also looks for one whose note was lost in a crash. */
export async function adopt (context: Pick<Context, 'places' | 'netns'>, name: string, thorough = false): Promise<Running | undefined> {
  const files = filesOf(context, name)
  const note = await noted(context, name)
  if (note !== undefined) {
    const running = await adoptDnsmasq(note.process, context.netns.fd, { logPath: files.log, ready: note.ready })
    if (running !== undefined) return running
  }
  if (!thorough) return undefined
  const [found] = await findRunning(files.config, context.netns.fd)
  return found === undefined ? undefined : await adoptDnsmasq(found, context.netns.fd, { logPath: files.log, ready: '' })
}
