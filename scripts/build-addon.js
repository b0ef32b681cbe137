#!/usr/bin/env node
/**
 * Builds native-shims into native-shims/build/netwright.node by one call of the C compiler ($CC, else cc; $CFLAGS are added).
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

const words = (text) => (text ?? '').split(/\s+/).filter((word) => word !== '')
const compiler = words(process.env.CC).length > 0 ? words(process.env.CC) : ['cc']

/** -z nodelete: a worker that ends must not unload the code which a thread of ours still runs. */
const flags = (include) => [
  '-std=c11', '-D_GNU_SOURCE', '-DNAPI_VERSION=9', '-I', include, '-O2', '-g', '-Wall', '-Wextra',
  '-fPIC', '-shared', '-pthread', '-fvisibility=hidden', '-fstack-protector-strong', '-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2',
  '-Wl,-z,relro,-z,now,-z,nodelete', ...words(process.env.CFLAGS),
]

function fail (text) {
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

function build () {
  const include = includeDirectory()
  const sources = readdirSync(source).filter((name) => name.endsWith('.c')).sort()
  const hash = createHash('sha256')
  for (const name of [...sources, 'shims.h']) hash.update(`${name}\0`).update(readFileSync(join(source, name)))
  const key = hash.update([...compiler, ...flags(include), process.arch].join('\0')).digest('hex')
  const shown = relative(process.cwd(), output)
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return console.log(`netwright-build: ${shown} is up to date`)

  const temporary = `${output}.${process.pid}`
  try { mkdirSync(join(source, 'build'), { recursive: true }) } catch (error) { fail(`cannot write to ${source}: ${error.code}; run it as the user who owns the package`) }
  const run = spawnSync(compiler[0], [...compiler.slice(1), ...flags(include), '-o', temporary, ...sources.map((name) => join(source, name))], { stdio: 'inherit' })
  if (run.error !== undefined) fail(run.error.code === 'ENOENT' ? `no C compiler (${compiler[0]}); install one, e.g. apt-get install gcc libc6-dev, or name it in CC` : run.error.message)
  if (run.status !== 0) {
    rmSync(temporary, { force: true })
    fail(`${compiler.join(' ')} failed; gcc or clang with the headers of libc and Linux is needed, e.g. apt-get install gcc libc6-dev`)
  }
  /* Renamed into place: two builds at once, or a process that has the old one loaded, never see half a file. */
  rmSync(stamp, { force: true })
  renameSync(temporary, output)
  writeFileSync(stamp, key)
  console.log(`netwright-build: built ${shown}`)
}

build()
