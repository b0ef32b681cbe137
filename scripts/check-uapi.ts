/**
 * Proves every attribute number, struct offset and constant of src/netlink against the kernel's own headers: writes a C file of
 * `_Static_assert`s and has the compiler look at it. Rows newer than the installed headers are reported as not proved. Exit 1 on a mismatch.
 *
 *     node dist/scripts/check-uapi.js [--show]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import type { Codec } from '../src/bytes/codec.js'
import type { AnyRow, Table } from '../src/netlink/attr.js'
import * as ct from '../src/netlink/ct/tables.js'
import * as rtnl from '../src/netlink/rtnl/tables.js'

interface Declared {
  readonly headers: readonly string[]
  readonly tables: Readonly<Record<string, Table>>
  readonly structs: readonly rtnl.StructNames[]
  readonly constants: Readonly<Record<string, number>>
}
interface Findings { readonly asserts: Map<string, string>, readonly structs: Map<string, rtnl.StructNames['struct']>, readonly unproved: Map<string, string>, readonly seen: Set<unknown> }

function installed (): readonly [major: number, minor: number] {
  const code = /LINUX_VERSION_CODE\s+(\d+)/.exec(readFileSync('/usr/include/linux/version.h', 'utf8'))?.[1]
  const version = Number(code)
  return [version >> 16, version >> 8 & 0xff]
}

function newer (since: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = since.split('.').map(Number)
  return a > major || (a === major && b > minor)
}

const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

function walkTable (table: Table, found: Findings, headers: readonly [number, number]): void {
  if (found.seen.has(table)) return
  found.seen.add(table)
  for (const row of Object.values(table)) walkRow(row, found, headers)
}

function walkRow (row: AnyRow, found: Findings, headers: readonly [number, number]): void {
  if (row.since !== undefined && newer(row.since, headers)) found.unproved.set(row.attribute, row.since)
  else found.asserts.set(row.attribute, `${row.attribute} == ${String(row.number)}`)
  walkCodec(row.codec as Codec<unknown>, found, headers)
  if ('select' in row) for (const codec of Object.values(row.select.cases)) walkCodec(codec, found, headers)
}

/** Follows whatever a codec is made of: a nest's table, a list's item, a struct and its members, a table behind a struct. */
function walkCodec (codec: Codec<unknown>, found: Findings, headers: readonly [number, number]): void {
  if (found.seen.has(codec)) return
  found.seen.add(codec)
  for (const [key, part] of Object.entries(codec) as Iterable<[string, unknown]>) {
    if (key === 'table' || key === 'hop') walkTable(part as Table, found, headers)
    else if (key === 'item') walkRow(part as AnyRow, found, headers)
    else if (key === 'struct') walkCodec(part as Codec<unknown>, found, headers)
  }
  if ('cname' in codec) found.structs.set(String(codec.cname), codec as unknown as rtnl.StructNames['struct'])
}

function structAsserts ({ struct, prefix = '', names = {}, grows }: rtnl.StructNames): readonly (readonly [string, string])[] {
  const c = `struct ${struct.cname}`
  const asserts: (readonly [string, string])[] = [[`sizeof ${c}`, `sizeof(${c}) ${grows === true ? '>=' : '=='} ${String(struct.size)}`]]
  for (const [key, [offset, codec]] of Object.entries(struct.members) as Iterable<[string, readonly [number, Codec<unknown>]]>) {
    const member = names[key] ?? `${prefix}${snake(key)}`
    asserts.push([`${c}.${member} offset`, `offsetof(${c}, ${member}) == ${String(offset)}`])
    if (codec.size !== undefined) asserts.push([`${c}.${member} size`, `sizeof(((${c} *)0)->${member}) == ${String(codec.size)}`])
  }
  return asserts
}

function gather (declared: readonly Declared[], headers: readonly [number, number]): { source: string, count: number, unproved: Map<string, string> } {
  const found: Findings = { asserts: new Map(), structs: new Map(), unproved: new Map(), seen: new Set() }
  const named = new Map<string, rtnl.StructNames>()
  for (const { tables, structs, constants } of declared) {
    for (const table of Object.values(tables)) walkTable(table, found, headers)
    for (const entry of structs) named.set(entry.struct.cname, entry)
    for (const [name, value] of Object.entries(constants)) found.asserts.set(name, `(unsigned long long)(${name}) == ${String(value)}ull`)
  }
  for (const [cname, struct] of found.structs) if (!named.has(cname)) named.set(cname, { struct })
  const asserts = [...found.asserts, ...[...named.values()].flatMap(structAsserts)]
  const includes = ['stddef.h', 'sys/socket.h', ...declared.flatMap(({ headers: files }) => files)]
  const lines = [...[...new Set(includes)].map((file) => `#include <${file}>`), ...asserts.map(([label, text]) => `_Static_assert(${text}, "${label}: ${text}");`)]
  return { source: `${lines.join('\n')}\n`, count: asserts.length, unproved: found.unproved }
}

/** The nf_tables side has the same shape in its own file. */
async function nft (): Promise<readonly Declared[]> {
  const file = new URL('../src/netlink/nft/tables.js', import.meta.url)
  if (!existsSync(file)) return []
  const module = await import(file.href) as Partial<Declared> & { allTables?: Declared['tables'], allStructs?: Declared['structs'] }
  return [{ headers: module.headers ?? [], tables: module.tables ?? module.allTables ?? {}, structs: module.structs ?? module.allStructs ?? [], constants: module.constants ?? {} }]
}

async function main (): Promise<number> {
  const headers = installed()
  const { source, count, unproved } = gather([rtnl, ...await nft(), ct], headers)
  if (process.argv.includes('--show')) process.stdout.write(source)
  const cc = spawnSync('cc', ['-std=c11', '-fsyntax-only', '-x', 'c', '-'], { input: source, encoding: 'utf8' })
  if (cc.error !== undefined) throw cc.error
  const names = [...unproved].map(([name, since]) => `${name} (${since})`).join(', ')
  process.stdout.write(`check-uapi: ${String(count)} asserts against the headers of Linux ${headers.join('.')}; not proved: ${String(unproved.size)}${names === '' ? '' : ` (${names})`}\n`)
  if (cc.status === 0) return 0
  process.stdout.write(cc.stderr.split('\n').filter((line) => line.includes('error:')).map((line) => line.replace(/^.*?error:\s*/, '  ')).join('\n') + '\n')
  return 1
}

process.exitCode = await main()
