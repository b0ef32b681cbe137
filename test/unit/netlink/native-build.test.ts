/** The one command that builds the addon, in a copy of the package, so that the addon in use stays as it is. */
import { cp, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exec, type Outcome } from '../../harness/command.js'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

async function withCopy (body: (directory: string, build: (env?: Record<string, string>) => Promise<Outcome>) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'build-addon-'))
  try {
    for (const name of await readdir(join(root, 'native-shims'))) if (/\.[ch]$/.test(name)) await cp(join(root, 'native-shims', name), join(directory, 'native-shims', name))
    await cp(join(root, 'scripts/build-addon.js'), join(directory, 'scripts/build-addon.js'))
    await writeFile(join(directory, 'package.json'), '{ "type": "module" }')
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
    await body(directory, (env = {}) => exec(join(directory, 'scripts/build-addon.js'), [], { cwd: directory, env, timeoutMs: 120_000 }))
  } finally {
    await rm(directory, { recursive: true })
  }
}

test('build-addon: builds without a warning, once, and again when a source or the flags change', () => withCopy(async (directory, build) => {
  const built = { stdout: 'netwright-build: built native-shims/build/netwright.node\n', stderr: '', code: 0 }
  const upToDate = { ...built, stdout: 'netwright-build: native-shims/build/netwright.node is up to date\n' }
  const env = { CFLAGS: '-Werror' }
  assert.equal(await build(env), built)
  assert.equal(await build(env), upToDate)
  assert.equal((await readdir(join(directory, 'native-shims/build'))).sort(), ['netwright-reaper', 'netwright.node', 'netwright.node.stamp'])
  await writeFile(join(directory, 'native-shims/module.c'), `${await readFile(join(directory, 'native-shims/module.c'), 'utf8')}/* */\n`)
  assert.equal(await build(env), built)
  const first = (await stat(join(directory, 'native-shims/build/netwright.node'))).ino
  assert.equal(await build(), built)
  assert.is.not((await stat(join(directory, 'native-shims/build/netwright.node'))).ino, first)
}))

test('build-addon: without a compiler, or where it fails, says what to do in one line and keeps what was built', () => withCopy(async (directory, build) => {
  assert.is((await build()).code, 0)
  const missing = await build({ CC: 'no-such-compiler' })
  assert.equal([missing.code, missing.stdout], [1, ''])
  assert.match(missing.stderr, /^netwright-build: no C compiler \(no-such-compiler\); install one, .*\n$/)
  const failing = await build({ CC: 'false' })
  assert.equal([failing.code, failing.stdout], [1, ''])
  assert.match(failing.stderr, /^netwright-build: false failed; .*\n$/)
  assert.equal((await readdir(join(directory, 'native-shims/build'))).sort(), ['netwright-reaper', 'netwright.node', 'netwright.node.stamp'])
  assert.match((await build()).stdout, /is up to date/)
}))

test('build-addon: without node-api-headers says to install the dependencies', () => withCopy(async (directory, build) => {
  await rm(join(directory, 'node_modules'))
  const { code, stderr } = await build()
  assert.is(code, 1)
  assert.match(stderr, /^netwright-build: the npm package node-api-headers is missing; .*npm install\n$/)
}))

test.run()
