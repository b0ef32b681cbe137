/**
 * Proves that imports go down the floors only; `import type` counts. Prints one line a violation and exits 1.
 *
 *     values, errors, log, diagnostics, tracing < bytes < netlink < kernel < network (types of kernel) < dnsmasq, qmp (not netlink, not kernel) < engine < thread < index < cli (index only)
 *     netlink/native.ts, the edge to the addon, stands beside values: netlink, kernel, dnsmasq and engine use it
 */
import { readdir, readFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** What each floor may import besides itself; `type kernel`: its types only. */
const floors: Readonly<Record<string, readonly string[]>> = {
  values: ['errors', 'log'],
  errors: [],
  log: [],
  diagnostics: [],
  tracing: ['diagnostics'],
  bytes: ['values', 'errors', 'log'],
  // The edge to the addon: processes and files as well as netlink, so a floor of its own.
  native: ['errors'],
  netlink: ['native', 'bytes', 'values', 'errors', 'log', 'diagnostics', 'tracing'],
  kernel: ['netlink', 'native', 'bytes', 'values', 'errors', 'log'],
  network: ['type kernel', 'bytes', 'values', 'errors', 'log'],
  dnsmasq: ['network', 'native', 'bytes', 'values', 'errors', 'log'],
  // The machine protocol of a running QEMU.
  qmp: ['native', 'errors', 'log'],
  engine: ['diagnostics', 'tracing', 'qmp', 'dnsmasq', 'network', 'kernel', 'netlink', 'native', 'bytes', 'values', 'errors', 'log'],
  // What a caller's thread and the engine's say to each other.
  thread: ['diagnostics', 'tracing', 'engine', 'netlink', 'errors', 'log'],
  index: ['diagnostics', 'thread', 'engine', 'qmp', 'dnsmasq', 'network', 'kernel', 'netlink', 'native', 'bytes', 'values', 'errors', 'log'],
  // A library of its own beside the index, for test authors.
  testing: ['engine', 'qmp', 'dnsmasq', 'network', 'kernel', 'netlink', 'native', 'bytes', 'values', 'errors', 'log'],
  cli: ['index'],
}

/** The one floor (or two) that may load each package, so that importing netwright stays cheap. */
const packages: Readonly<Record<string, readonly string[]>> = {
  'ipaddr.js': ['values'],
  netlink: ['netlink'],
  netwright: ['cli'], // by its own name, as users do: netwright/rtnl, netwright/nft
  saxes: ['network'],
  valibot: ['network', 'engine'],
  'cli-progress': ['cli'],
  yaml: ['cli'],
  pino: ['cli'],
}

interface Import { readonly from: string, readonly typeOnly: boolean, readonly line: number }

/** Every import of a file: static, type, re-export, dynamic, and `import('…')` types. */
export function importsOf (path: string, text: string): Import[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true)
  const found: Import[] = []
  const add = (literal: ts.Node | undefined, typeOnly: boolean): void => {
    if (literal === undefined || !ts.isStringLiteralLike(literal)) return
    found.push({ from: literal.text, typeOnly, line: source.getLineAndCharacterOfPosition(literal.getStart()).line + 1 })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node.importClause))
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0], false)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function isTypeImport (clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const bindings = clause.namedBindings
  return clause.name === undefined && bindings !== undefined && ts.isNamedImports(bindings) && bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly)
}

/** `netlink/rtnl/link.ts` -> `netlink`, `errors.ts` -> `errors`. */
const floorOf = (path: string): string => path === 'netlink/native.ts' ? 'native' : (path.split('/')[0] ?? '').replace(/\.ts$/, '')

/** Why this import is not allowed, or undefined. `path` is relative to src. */
export function violation (path: string, { from, typeOnly }: Import): string | undefined {
  const floor = floorOf(path)
  const allowed = floors[floor]
  if (allowed === undefined) return `${floor} is on no floor: name it in scripts/check-layers.ts or move it`
  if (!from.startsWith('.')) {
    if (from.startsWith('node:')) return undefined
    if (builtinModules.includes(from)) return `${from}: write node:${from}`
    const name = from.startsWith('@') ? from.split('/').slice(0, 2).join('/') : from.split('/')[0] ?? ''
    return packages[name]?.includes(floor) === true ? undefined : `the package ${name} is not for ${floor}/ (scripts/check-layers.ts lists who may load what)`
  }
  const target = join(dirname(path), from)
  if (target.startsWith('..')) return `${from} is outside src`
  const below = floorOf(target.replace(/\.js$/, '.ts'))
  if (target.endsWith('/index.js') || (target === 'index.js' && floor !== 'cli')) return `${from}: an index is for users; import the file itself`
  if (below === floor || allowed.includes(below)) return undefined
  if (allowed.includes(`type ${below}`)) return typeOnly ? undefined : `${floor}/ may import types of ${below}/ only`
  return `${floor}/ may not import ${below}/`
}

async function main (): Promise<void> {
  const src = fileURLToPath(new URL('../../src/', import.meta.url))
  let violations = 0
  const files = (await readdir(src, { recursive: true })).filter((path) => path.endsWith('.ts')).sort()
  for (const path of files) {
    for (const found of importsOf(path, await readFile(join(src, path), 'utf8'))) {
      const why = violation(path, found)
      if (why === undefined) continue
      violations++
      console.log(`src/${path}:${found.line}: ${why}`)
    }
  }
  console.log(`${files.length} files, ${violations} imports against the floors`)
  if (violations > 0) process.exitCode = 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
