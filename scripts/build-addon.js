#!/usr/bin/env node
/**
 * Builds native-shims into native-shims/build/netwright.node by one call of the C compiler ($CC, else cc; $CFLAGS are added), and the reaper, a
 * program of one file, by another.
 * Plain JavaScript, since it is also the installed package's `netwright-build`: no node-gyp, no Python, no download.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('../native-shims', import.meta.url))
const output = join(source, 'build', 'netwright.node')
const stamp = `${output}.stamp`
/** What is no part of the addon, and the program that it becomes. */
const program = { source: 'reaper.c', output: join(source, 'build', 'netwright-reaper') }

const words = (text) => (text ?? '').split(/\s+/).filter((word) => word !== '')
const compiler = words(process.env.CC).length > 0 ? words(process.env.CC) : ['cc']

/** -z nodelete: a worker that ends must not unload the code which a thread of ours still runs. */
const flags = (include) => [
  '-std=c11', '-D_GNU_SOURCE', '-DNAPI_VERSION=9', '-I', include, '-O2', '-g', '-Wall', '-Wextra',
  '-fPIC', '-shared', '-pthread', '-fvisibility=hidden', '-fstack-protector-strong', '-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2',
  '-Wl,-z,relro,-z,now,-z,nodelete', ...words(process.env.CFLAGS),
]

const programFlags = ['-std=c11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-fPIE', '-pie', '-fstack-protector-strong', '-Wl,-z,relro,-z,now', ...words(process.env.CFLAGS)]

/** Half a build, removed where the other half fails. */
const temporaries = []

function fail (text) {
  for (const path of temporaries) rmSync(path, { force: true })
  console.error(`netwright-build: ${text}`)
  process.exit(1)
}

function includeDirectory () {
  try {
    return createRequire(import.meta.url)('node-api-headers').include_dir
  } catch {
    return fail('the npm package node-api-headers is missing; install the dependencies first: npm install')
  }
}

/** Renamed into place: two builds at once, or a process that has the old one loaded, never see half a file. */
function compile (arguments_, sources, to) {
  const temporary = `${to}.${process.pid}`
  temporaries.push(temporary)
  const run = spawnSync(compiler[0], [...compiler.slice(1), ...arguments_, '-o', temporary, ...sources.map((name) => join(source, name))], { stdio: 'inherit' })
  if (run.error !== undefined) fail(run.error.code === 'ENOENT' ? `no C compiler (${compiler[0]}); install one, e.g. apt-get install gcc libc6-dev, or name it in CC` : run.error.message)
  if (run.status !== 0) fail(`${compiler.join(' ')} failed; gcc or clang with the headers of libc and Linux is needed, e.g. apt-get install gcc libc6-dev`)
  return () => { renameSync(temporary, to) }
}

function build () {
  const include = includeDirectory()
  const all = readdirSync(source).filter((name) => name.endsWith('.c')).sort()
  const sources = all.filter((name) => name !== program.source)
  const hash = createHash('sha256')
  for (const name of [...all, 'shims.h']) hash.update(`${name}\0`).update(readFileSync(join(source, name)))
  const key = hash.update([...compiler, ...flags(include), ...programFlags, process.arch].join('\0')).digest('hex')
  const shown = relative(process.cwd(), output)
  if ([output, program.output, stamp].every((path) => existsSync(path)) && readFileSync(stamp, 'utf8') === key) return console.log(`netwright-build: ${shown} is up to date`)

  try { mkdirSync(join(source, 'build'), { recursive: true }) } catch (error) { fail(`cannot write to ${source}: ${error.code}; run it as the user who owns the package`) }
  const place = [compile(flags(include), sources, output), compile(programFlags, [program.source], program.output)]
  rmSync(stamp, { force: true })
  for (const put of place) put()
  writeFileSync(stamp, key)
  console.log(`netwright-build: built ${shown}`)
}

build()
