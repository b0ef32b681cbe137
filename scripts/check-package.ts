/**
 * Proves that what npm would publish works for a stranger: packs it, lints it, installs it into an empty project with --ignore-scripts,
 * compiles the examples with strict settings, builds the addon with the one command and runs an example in a sandbox.
 */
import { access, chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkPackage, createPackageFromTarballData, type Problem } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { exec, must } from '../test/harness/command.js'
import { sandboxed } from '../test/harness/enter.js'

interface Manifest { readonly name: string, readonly bin: Readonly<Record<string, string>>, readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>, readonly dependencies: Readonly<Record<string, string>>, readonly devDependencies: Readonly<Record<string, string>> }
interface Packed { readonly filename: string, readonly size: number, readonly files: readonly { readonly path: string }[] }

const root = fileURLToPath(new URL('../../', import.meta.url))
/** Must not be loaded by `import 'netwright'`: they are the command line's. */
const commandLine = ['pino', 'yaml', 'cli-progress']
/** Examples that run by themselves, as root, in a network of their own; the others are compiled only. */
const runnable = ['rig.ts']
const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, module: 'nodenext', moduleResolution: 'nodenext', target: 'es2022', noEmit: false, outDir: 'out', rootDir: '.' }

const problems: string[] = []
const complain = (...lines: string[]): void => { problems.push(...lines) }
const there = async (path: string): Promise<boolean> => await access(path).then(() => true, () => false)

/** Removes compiled files whose source is gone: they would be published. */
async function sweep (): Promise<void> {
  for (const path of await readdir(join(root, 'dist/src'), { recursive: true })) {
    const source = /^(.*?)(\.d\.ts|\.js|\.js\.map)$/.exec(path)?.[1]
    if (source !== undefined && !await there(join(root, 'src', `${source}.ts`))) await rm(join(root, 'dist/src', path))
  }
}

async function pack (into: string): Promise<{ packed: Packed, tarball: string, manifest: Manifest }> {
  const printed = await must('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', into], { cwd: root, timeoutMs: 60_000 })
  const [packed] = JSON.parse(printed.slice(printed.indexOf('['))) as Packed[]
  if (packed === undefined) throw new Error('npm pack made nothing')
  return { packed, tarball: join(into, packed.filename), manifest: JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest }
}

/** The list of files: everything that is promised, nothing else, no path of this machine in any of them. */
async function checkFiles (packed: Packed, manifest: Manifest): Promise<void> {
  const paths = new Set(packed.files.map((file) => file.path))
  const promised = [...Object.values(manifest.bin), ...Object.values(manifest.exports).flatMap((entry) => typeof entry === 'string' ? [entry] : Object.values(entry))]
  for (const path of [...promised.map((path) => path.replace('./', '')), 'dist/bundle/LICENSES', 'dist/bundle/netwright.1', 'README.md', 'LICENSE', 'CHANGELOG.md', 'native-shims/module.c']) {
    if (!paths.has(path)) complain(`missing from the package: ${path}`)
  }
  for (const path of paths) {
    if (/(^|\/)test\/|\.test\.|(^|\/)coverage\/|\.tsbuildinfo$|\.node$|(?<!\.d)\.ts$|\.d\.ts\.map$|^dist\/src\/.*\.js$/.test(path)) complain(`does not belong into the package: ${path}`)
    const text = await readFile(join(root, path), 'utf8')
    if (text.includes(root) || text.includes(root.slice(0, -1) + '"')) complain(`${path} holds a path of this machine`)
    if (path.endsWith('.d.ts') && /(from|import\()\s*['"]netlink['"/]/.test(text)) complain(`${path}: a public type mentions the package netlink`)
  }
}

async function lintPackage (tarball: string): Promise<void> {
  const data = await readFile(tarball)
  const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, level: 'warning' })
  for (const message of messages) complain(`publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`)
  const result = await checkPackage(createPackageFromTarballData(new Uint8Array(data)))
  if (!result.types) { complain('the package has no types'); return }
  for (const problem of result.problems) if (!isEsmOnly(problem)) complain(`types: ${JSON.stringify(problem)}`)
}

/** This package is ES modules for Node 20 and newer; that CommonJS and Node 10's resolution do not find its types is meant. */
function isEsmOnly (problem: Problem): boolean {
  if (problem.kind === 'CJSResolvesToESM') return true
  return problem.kind === 'NoResolution' && problem.resolutionKind === 'node10'
}

/** An empty project with the package in it, as npm installs it; without a network, from the packages of this checkout. */
async function install (project: string, tarball: string, manifest: Manifest): Promise<void> {
  await mkdir(project)
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'stranger', version: '1.0.0', private: true, type: 'module' }))
  const types = `@types/node@${manifest.devDependencies['@types/node'] ?? '20'}`
  const npm = (...how: string[]) => exec('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...how, tarball, types], { cwd: project, timeoutMs: 60_000 })
  const cached = await npm('--offline') // what npm ci has just fetched is enough, most of the time
  if (cached.code === 0) return
  const fetched = await npm('--prefer-offline', '--fetch-retries=0').catch((error: unknown) => ({ code: -1, stderr: `ETIMEDOUT ${String(error)}` }))
  if (fetched.code === 0) return
  if (!/ENOTCACHED|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH/.test(fetched.stderr)) throw new Error(`npm install of the package failed:\n${fetched.stderr}`)
  console.log('no registry: dependencies are copied from this checkout')
  await installOffline(project, tarball, manifest)
}

async function installOffline (project: string, tarball: string, manifest: Manifest): Promise<void> {
  const target = join(project, 'node_modules', 'netwright')
  await rm(join(project, 'node_modules'), { recursive: true, force: true })
  await mkdir(target, { recursive: true })
  await must('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, { dev?: boolean }> }
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    const wanted = dev !== true || path === 'node_modules/@types/node' || path === 'node_modules/undici-types'
    if (wanted && /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path)) await cp(join(root, path), join(project, path), { recursive: true })
  }
  await mkdir(join(project, 'node_modules', '.bin'), { recursive: true })
  for (const [name, path] of Object.entries(manifest.bin)) {
    await chmod(join(target, path), 0o755)
    await symlink(join('..', 'netwright', path), join(project, 'node_modules', '.bin', name))
  }
}

/** Compiles with the strictest settings, library types included; `options` over those. */
async function compile (project: string, title: string, options: object, files: readonly string[]): Promise<void> {
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...strict, ...options }, files }))
  const { code, stdout } = await exec(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], { cwd: project, timeoutMs: 120_000 })
  if (code !== 0) complain(`${title} does not compile:`, ...stdout.trim().split('\n').slice(0, 20))
}

/** The main entry without Node's types (nothing of the old ones that `netlink` brings may leak), and every entry with them, library types checked. */
async function checkTypes (project: string, manifest: Manifest): Promise<void> {
  const entries = Object.keys(manifest.exports).filter((entry) => !entry.endsWith('.json')).map((entry) => manifest.name + entry.slice(1))
  const program = (names: readonly string[]): string => names.map((name, n) => `import * as e${n} from '${name}'\nexport const keys${n}: readonly string[] = Object.keys(e${n})\n`).join('')
  await writeFile(join(project, 'bare.ts'), program([manifest.name]))
  await writeFile(join(project, 'types.ts'), program(entries))
  await compile(project, 'a program without @types/node', { types: [], lib: ['es2023', 'esnext.disposable', 'dom'] }, ['bare.ts'])
  await compile(project, 'a program that imports every entry', { types: ['node'], lib: ['es2023', 'esnext.disposable'] }, ['types.ts'])
}

async function checkExamples (project: string): Promise<void> {
  const examples = (await readdir(join(root, 'examples'))).filter((name) => name.endsWith('.ts'))
  for (const name of examples) await cp(join(root, 'examples', name), join(project, name))
  if (examples.length === 0) { complain('there is no example'); return }
  await compile(project, 'examples/', { types: ['node'], lib: ['es2023', 'esnext.disposable'] }, examples)
  await must('npx', ['--no-install', 'netwright-build'], { cwd: project, timeoutMs: 120_000 })
  const run = examples.filter((name) => runnable.includes(name))
  if (run.length === 0) complain(`none of the examples is one of ${runnable.join(', ')}, so none was run`)
  for (const name of run) {
    const { file, args } = sandboxed([process.execPath, join('out', name.replace(/\.ts$/, '.js'))])
    const { code, stdout, stderr } = await exec(file, args, { cwd: project, timeoutMs: 60_000 })
    if (code !== 0) complain(`examples/${name} ended with ${code}:`, ...(stdout + stderr).trim().split('\n').slice(-20))
    else console.log(`examples/${name} runs`)
  }
}

/** Imports the package with the command line's packages out of reach, and reports the time. */
async function checkImport (project: string): Promise<void> {
  const away = commandLine.map((name) => [join(project, 'node_modules', name), join(project, `away-${name}`)] as const)
  for (const [from, to] of away) await rename(from, to)
  const program = "const t = performance.now(); await import('netwright'); console.log((performance.now() - t).toFixed(0))"
  const { code, stdout, stderr } = await exec(process.execPath, ['--input-type=module', '-e', program], { cwd: project })
  for (const [from, to] of away) await rename(to, from)
  if (code !== 0) complain(`import 'netwright' needs more than it should (${commandLine.join(', ')} were out of reach):`, stderr)
  else console.log(`import 'netwright' takes ${stdout.trim()} ms`)
}

async function main (): Promise<void> {
  for (const path of ['dist/src/index.d.ts', 'dist/bundle/index.js']) if (!await there(join(root, path))) throw new Error(`${path} is missing: npm run build`)
  const directory = await mkdtemp(join(tmpdir(), 'netwright-package-'))
  try {
    await sweep()
    const { packed, tarball, manifest } = await pack(directory)
    console.log(`${packed.filename}: ${packed.files.length} files, ${(packed.size / 1024).toFixed(0)} KiB`)
    await checkFiles(packed, manifest)
    await lintPackage(tarball)
    const project = join(directory, 'project')
    await install(project, tarball, manifest)
    await checkTypes(project, manifest)
    await checkImport(project)
    await checkExamples(project)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

await main().catch((error: unknown) => { complain(error instanceof Error ? error.message : String(error)) })
for (const problem of problems) console.log(problem)
if (problems.length > 0) process.exitCode = 1
