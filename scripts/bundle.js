#!/usr/bin/env node
/**
 * Writes dist/bundle: what runs, as few files. Node takes about 0.5 ms to find, read and link each module of a program, and there are some 250 of ours.
 * Spaces are taken out, names stay: V8 reads each file as a whole before anything runs. Lines stay short: Node prints the one that threw.
 * Straight from src, so that netwright can be used before the compiler has run; the types in dist/src are the compiler's.
 *
 * dist/bundle mirrors src: src/netlink/nft/index.ts is dist/bundle/netlink/nft/index.js, and `import.meta.url` means that place, whichever file
 * a module has come to lie in. What begins a file of its own: the entries and programs of package.json, each `import()`, and each program that
 * the source names by `new URL('x.js', import.meta.url)`.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const src = join(root, 'src')
const out = join(root, 'dist/bundle')

/** Packages that go into the bundle, each because it makes starting quicker (CommonJS, or much more code than is used). All others are loaded as they are. */
const inside = ['ipaddr.js', 'saxes', 'valibot', 'xmlchars'] // xmlchars is a part of saxes

/** The package of a path below node_modules. */
const packageOf = (path) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]

/** `./dist/bundle/cli/main.js` -> `cli/main`; undefined for what is no file of the bundle. */
const entryOf = (path) => /^\.\/dist\/bundle\/(.*)\.js$/.exec(path)?.[1]

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

function entries () {
  const { bin, exports } = manifest
  const named = [...Object.values(bin), ...Object.values(exports).map((entry) => entry.default ?? entry)].map(entryOf).filter((entry) => entry !== undefined)
  const programs = readdirSync(src, { recursive: true }).filter((path) => path.endsWith('.ts')).flatMap((path) => {
    const text = readFileSync(join(src, path), 'utf8')
    return [...text.matchAll(/new URL\('([^']+)\.js', import\.meta\.url\)/g)].map(([, program]) => relative(src, resolve(src, dirname(path), program)))
  })
  return Object.fromEntries([...new Set([...named, ...programs])].map((entry) => [entry, join(src, `${entry}.ts`)]))
}

/** `import.meta.url` in src/a/b.ts becomes the address of dist/bundle/a/b.js, wherever its code lies. */
const places = {
  name: 'places',
  setup (plugin) {
    plugin.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      if (!text.includes('import.meta.url') || !path.startsWith(src)) return undefined
      const place = relative(src, path).replace(/\.ts$/, '.js')
      return { contents: text.replaceAll('import.meta.url', `(bundlePlace + ${JSON.stringify(place)})`), loader: 'ts' }
    })
    // The command line uses `netwright/rtnl` as any other program does.
    plugin.onResolve({ filter: /^netwright(\/|$)/ }, ({ path }) => {
      const entry = entryOf(manifest.exports[path.replace(manifest.name, '.')]?.default ?? '')
      return entry === undefined ? undefined : { path: join(src, `${entry}.ts`), sideEffects: manifest.sideEffects }
    })
  },
}

/** Node's cryptography takes 3 ms to load, and who only looks or imports needs none of it: it is loaded by its first use. */
const cryptography = {
  name: 'cryptography',
  setup (plugin) {
    plugin.onResolve({ filter: /^node:crypto$/ }, ({ path }) => ({ path, namespace: 'first use', sideEffects: false }))
    plugin.onLoad({ filter: /.*/, namespace: 'first use' }, () => ({
      contents: ['createHash', 'randomBytes', 'randomInt', 'randomUUID'].map((name) => `export const ${name} = (...given) => process.getBuiltinModule('node:crypto').${name}(...given)\n`).join(''),
    }))
  },
}

/** At the top of every file. */
const banner = "const bundlePlace = import.meta.url.slice(0, import.meta.url.lastIndexOf('/bundle/') + 8)"

/** The licences of what is inside, as they ask for it. */
function notices (names) {
  return names.map((name) => {
    const directory = join(root, 'node_modules', name)
    const { version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
    const file = readdirSync(directory).find((path) => /^licen[cs]e/i.test(path))
    const text = readFileSync(file === undefined ? join(root, 'scripts/notices', `${name}.txt`) : join(directory, file), 'utf8')
    return `${name} ${version} (${license})\n\n${text.trim()}\n`
  }).join(`\n${'-'.repeat(80)}\n\n`)
}

async function main () {
  const began = new Date()
  const { outputFiles, metafile } = await build({
    entryPoints: entries(), outdir: out, absWorkingDir: root, bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node20.19', charset: 'utf8', minifyWhitespace: true, lineLimit: 160,
    chunkNames: 'chunks/[name]-[hash]', sourcemap: true, sourcesContent: false, legalComments: 'none', banner: { js: banner }, plugins: [places, cryptography], metafile: true, write: false, logLevel: 'warning',
    external: Object.keys(manifest.dependencies).filter((name) => !inside.includes(name)),
  })
  const used = new Set(Object.keys(metafile.inputs).map(packageOf).filter((name) => name !== undefined))
  const stray = [...used].find((name) => !inside.includes(name))
  if (stray !== undefined) throw new Error(`${stray} would go into the bundle: is it a dependency, or one to be inside (scripts/bundle.js)?`)
  // esbuild's stand-in for a require() that it could not resolve; with a real one in every file, each took a third of a millisecond to load.
  const needy = outputFiles.find(({ path, text }) => path.endsWith('.js') && text.includes('Dynamic require of'))
  if (needy !== undefined) throw new Error(`${relative(out, needy.path)} asks for a module by require(), which a module has not`)
  const files = [...outputFiles.map(({ path, contents }) => ({ path, contents })), { path: join(out, 'LICENSES'), contents: notices([...used].sort()) }]
  for (const { path, contents } of files) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, contents, path.endsWith('/main.js') ? { mode: 0o755 } : {})
  }
  const wanted = new Set(files.map(({ path }) => relative(out, path)))
  for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && !wanted.has(relative(out, path))) rmSync(path)
  }
  // The man page, by the program that was just made: it comes from the descriptions of its verbs.
  writeFileSync(join(out, 'netwright.1'), execFileSync(process.execPath, [join(out, 'cli/main.js'), '-q', 'man']))
  const stamp = join(root, 'dist/.bundled')
  writeFileSync(stamp, '')
  utimesSync(stamp, began, began) // a source changed meanwhile is newer
}

await main()
