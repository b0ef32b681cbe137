/**
 * The benchmarks: scripts/bench [--gate] [--json] [--write] [--runs N] [--only NAME]... [NAME...]
 * The soak: scripts/bench --soak [--cycles N] [--recycle]
 *
 * Prints a table, then one line of JSON a row; with --json the lines only. --gate exits 1 where a bound is missed. --write writes bench/RESULTS.md.
 * README.md beside this file says what is measured and how.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, loadavg, release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { exec } from '../test/harness/command.js'
import { constant } from './constant.js'
import { destroy } from './destroy.js'
import { eventLoop } from './event-loop.js'
import { passes, table, type Row } from './figures.js'
import { foreign } from './foreign.js'
import { forwards } from './forwards.js'
import { links } from './links.js'
import { details, make, peers, processes } from './make.js'
import { recycle } from './recycle.js'
import { reopen } from './reopen.js'
import { enterSandbox, inSandbox } from './sandbox.js'
import { serve } from './serve.js'
import { soak } from './soak.js'
import { startUp } from './start-up.js'
import { together } from './together.js'

/** In this order: the loop's rows are about all before them. */
const groups: Readonly<Record<string, (runs: number) => Promise<Row[]>>> = { make, links, destroy, recycle, together, serve, constant, forwards, foreign, reopen, 'start-up': startUp, processes, peers, loop: eventLoop }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { gate: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, write: { type: 'boolean', default: false }, runs: { type: 'string', default: '5' }, only: { type: 'string', multiple: true, default: [] }, soak: { type: 'boolean', default: false }, cycles: { type: 'string', default: '20000' }, recycle: { type: 'boolean', default: false } },
})

/** What says a program's version, where it is there. */
const versions: readonly (readonly string[])[] = [
  ['ip', '-V'], ['nft', '--version'], ['dnsmasq', '--version'], ['libvirtd', '--version'], 
  ['/usr/lib/podman/netavark', '--version'], ...['python3-pyroute2', 'golang-github-vishvananda-netlink-dev', 'containernetworking-plugins'].map((name) => ['dpkg-query', '-W', '-f', '${Package} ${Version}', name]),
]

async function conditions (): Promise<string> {
  const said = await Promise.all(versions.map(async ([command = '', ...args]) => {
    const { stdout, code } = await exec(command, args).catch(() => ({ stdout: '', code: -1 }))
    return code === 0 ? [stdout.split('\n')[0]?.replace(/ +Copyright.*/, '') ?? ''] : []
  }))
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return [
    `${new Date().toISOString().slice(0, 10)}, netwright ${version}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model ?? 'processor'}, load ${loadavg()[0]?.toFixed(1) ?? ''}, Node ${process.version},`,
    `${said.flat().join('; ')}.`,
  ].join('\n')
}

async function measure (): Promise<void> {
  const wanted = [...values.only, ...positionals].flatMap((names) => names.split(','))
  const runs = Number(values.runs)
  const unknown = wanted.find((name) => groups[name] === undefined)
  if (unknown !== undefined || !Number.isInteger(runs) || runs < 1) throw new Error(`usage: scripts/bench [--gate] [--json] [--write] [--runs N] [--only NAME]..., with NAME one of ${Object.keys(groups).join(', ')}`)
  const about = await conditions()
  const rows: Row[] = []
  for (const [name, group] of Object.entries(groups)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const begin = performance.now()
    rows.push(...await group(runs))
    process.stderr.write(`bench: ${name} (${((performance.now() - begin) / 1000).toFixed(0)} s)\n`)
  }
  if (!values.json) process.stdout.write(`${about}\n\n${table(rows)}\n\n`)
  for (const row of rows) process.stdout.write(`${JSON.stringify({ ...row, pass: passes(row) })}\n`)
  if (values.write) await writeFile(here('RESULTS.md'), results(about, rows, { runs, limits: await readFile(here('LIMITS.md'), 'utf8') }))
  const missed = rows.filter((row) => !passes(row))
  if (missed.length > 0) process.stderr.write(`bench: missed: ${missed.map(({ row }) => row).join('; ')}\n`)
  if (values.gate && missed.length > 0) process.exitCode = 1
}

const here = (name: string): string => fileURLToPath(new URL(`../../bench/${name}`, import.meta.url))

const results = (about: string, rows: readonly Row[], { runs, limits }: { readonly runs: number, readonly limits: string }): string => `# Results

Written by \`scripts/bench --write\`; README.md says what the rows mean. Medians (least–most) of as many runs as each row says, ${runs} where nothing speaks against it.

${about}

${table(rows)}
${rows.flatMap(({ row, note }) => note === undefined ? [] : [`\n- ${row}: ${note}`]).join('')}

${limits}${details.map(({ what, lines }) => `\n## What the time is spent on: ${what}\n\nIn a run of its own, in a process that has done it before.\n\n${lines.join('\n')}\n`).join('')}`

if (inSandbox()) {
  if (values.soak) process.exitCode = await soak(Number(values.cycles), values.recycle)
  else await measure()
} else process.exitCode = await enterSandbox()
