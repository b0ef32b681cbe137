/** What the kernel is asked, as strace sees it: Done-when 3 of issue 2. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { started } from '../harness/started.js'
import { must } from '../harness/command.js'
import { kernelTest } from '../harness/kernel-test.js'

const worker = started(new URL('strace-worker.js', import.meta.url))

/** The marks that the worker writes, and what happened behind each. */
interface Stretch { readonly mark: string, readonly lines: readonly string[] }

function stretches (trace: string): Stretch[] {
  const found: { mark: string, lines: string[] }[] = []
  for (const line of trace.split('\n')) {
    const mark = /write\(2, "MARK ([a-z ]+)\\n"/.exec(line)?.[1]
    if (mark !== undefined) found.push({ mark, lines: [] })
    else found.at(-1)?.lines.push(line)
  }
  return found
}

/** The message types of each send to the kernel. */
function sends (lines: readonly string[]): number[][] {
  return lines.filter((line) => /send(?:msg|to)\(/.test(line)).map((line) => [...line.matchAll(/nlmsg_type=(0x[0-9a-f]+|\d+)/g)].map((match) => Number(match[1])))
}

// Source: include/uapi/linux/rtnetlink.h: groups of four, new, delete, get and set. nf_tables' have their subsystem (10) in the high byte.
const isNft = (types: readonly number[]): boolean => types.some((type) => type >= 0xa00)
/** Other subsystems of nfnetlink (connection tracking is 1) have theirs, too. */
const isRtnl = (types: readonly number[]): boolean => types.every((type) => type < 0x100)
const names: Readonly<Record<number, string>> = { 16: 'RTM_NEWLINK', 17: 'RTM_DELLINK', 20: 'RTM_NEWADDR', 21: 'RTM_DELADDR' }

/** rtnetlink sends that change something. */
function changes (lines: readonly string[]): string[][] {
  return sends(lines).filter((types) => isRtnl(types) && !isNft(types) && types.some((type) => type >= 16 && type % 4 !== 2)).map((types) => types.map((type) => names[type] ?? String(type)))
}

/** nf_tables batches: NFNL_MSG_BATCH_BEGIN is 16. */
const batches = (lines: readonly string[]): number => sends(lines).filter((types) => isNft(types) && types[0] === 16).length
/** Programs that were executed: their paths. */
const programs = (lines: readonly string[]): string[] => lines.flatMap((line) => /execve\("([^"]+)"/.exec(line)?.[1] ?? [])

kernelTest(test, 'strace: a start and a stop are one rtnetlink send and one nf_tables batch each, and execute nothing but dnsmasq', async ({ ns, tmp }) => {
  const out = join(tmp, 'trace')
  await must('strace', ['-f', '-qq', '-s', '60', '-e', 'trace=execve,execveat,sendmsg,sendto,write', '-e', 'signal=none', '-e', 'verbose=sendmsg,sendto', '-v', '-X', 'raw', '-o', out, process.execPath, worker, JSON.stringify({ netns: ns.name, root: join(tmp, 'root') })], { env: { NODE_V8_COVERAGE: '' }, timeoutMs: 60_000 })
  const found = new Map(stretches(await readFile(out, 'utf8')).map(({ mark, lines }) => [mark, lines]))
  for (const which of ['first', 'second']) {
    const start = found.get(`start ${which}`) ?? []
    const stop = found.get(`stop ${which}`) ?? []
    assert.equal(programs(start).map((path) => path.replace(/.*\//, '')), ['dnsmasq'], `start ${which}`)
    assert.equal(programs(stop), [], `stop ${which}`)
    assert.equal(changes(start), [['RTM_NEWLINK', 'RTM_NEWLINK', 'RTM_NEWLINK', 'RTM_NEWADDR']], `start ${which}`)
    // Addresses off, down, another name; the link goes later, behind the scenes.
    assert.equal(changes(stop).map((send) => [...new Set(send)]), [['RTM_DELADDR', 'RTM_NEWLINK']], `stop ${which}`)
    assert.equal(changes(found.get(`settle ${which}`) ?? []), [['RTM_DELLINK']], `settle ${which}`)
    assert.is(batches(start), 1, `start ${which}`)
    assert.is(batches(stop), 1, `stop ${which}`)
  }
}, { needs: ['strace', 'dnsmasq', 'nft'] })

test.run()
