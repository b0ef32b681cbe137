#!/usr/bin/env node
/**
 * Writes dist/quick: every test in a few files, every program that tests start in one. Node takes 2 ms of a processor to find, read, compile and link
 * a module, there are some 300 of ours, and a run of all tests starts processes of ours thousands of times.
 *
 * In it `import.meta.url` is the place of the compiler's file, but for what is below src that of the bundle: so what the library starts is what ships.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
/** As scripts/bundle.js. */
const inside = ['ipaddr.js', 'saxes', 'valibot', 'xmlchars']

const places = {
  name: 'places',
  setup (plugin) {
    plugin.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      const place = relative(root, path).replace(/\.ts$/, '.js')
      if (!text.includes('import.meta.url') || place.startsWith('..') || place.includes('node_modules/')) return undefined
      return { contents: text.replaceAll('import.meta.url', `(quickPlace + ${JSON.stringify(place.replace(/^src\//, 'bundle/'))})`), loader: 'ts' }
    })
  },
}

const banner = [
  "import { createRequire as quickRequire } from 'node:module'",
  'const require = quickRequire(import.meta.url)',
  "const quickPlace = import.meta.url.slice(0, import.meta.url.lastIndexOf('/quick/') + 1)",
].join('\n')

/** Sources below test, as paths. */
const sources = readdirSync(join(root, 'test'), { recursive: true }).filter((path) => path.endsWith('.ts') && !/^(?:types|vm)\/|node_modules/.test(path))
const below = (pattern) => sources.filter((path) => pattern.test(path)).map((path) => join(root, 'test', path))

async function bundle (entryPoints, out, splitting) {
  await build({
    entryPoints, outdir: join(root, 'dist/quick', out), outbase: join(root, 'test'), absWorkingDir: root, bundle: true, splitting, format: 'esm', platform: 'node', target: 'node20.19', charset: 'utf8',
    chunkNames: 'chunks/[name]-[hash]', sourcemap: true, sourcesContent: false, legalComments: 'none', banner: { js: banner }, plugins: [places], ignoreAnnotations: true, logLevel: 'warning',
    external: Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !inside.includes(name)),
  })
}

rmSync(join(root, 'dist/quick'), { recursive: true, force: true })
await bundle(below(/\.test\.ts$/), 'tests', true)
// See test/harness/started.ts.
await bundle(below(/(?:child|worker|main|leak)\.ts$/), 'programs', false)
