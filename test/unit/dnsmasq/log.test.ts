import { appendFile, mkdtemp, open, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { boundLog, lastLines, LOG_LIMIT } from '../../../src/dnsmasq/log.js'

async function withLog (body: (path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'netwright-'))
  try { await body(join(directory, 'log')) } finally { await rm(directory, { recursive: true }) }
}

test('log: is cut to its last whole lines while somebody appends to it', async () => {
  await withLog(async (path) => {
    const writer = await open(path, 'a')
    for (let i = 0; i < 10; i++) await writer.appendFile(Array.from({ length: 1_000 }, (_, n) => `line ${String(i * 1_000 + n)} ${'.'.repeat(20)}\n`).join(''))
    await boundLog(path)
    const { size } = await stat(path)
    assert.ok(size > 32_000 && size <= 65_536, String(size))
    await writer.appendFile('after\n')
    await writer.close()
    const text = await readFile(path, 'utf8')
    assert.match(text, /^line \d+ \.+\n/)
    assert.ok(text.endsWith('line 9999 ....................\nafter\n'))
  })
})

test('log: last lines have no control characters', async () => {
  await withLog(async (path) => {
    await appendFile(path, 'a\nname \x1b[2J\x07 given\nlast\n')
    assert.equal(await lastLines(path, 0, 2), ['name \\x1b[2J\\x07 given', 'last'])
    assert.equal(await lastLines(`${path}-not-there`), [])
  })
})

test('log: is never cut through a link', async () => {
  await withLog(async (path) => {
    await writeFile(`${path}-other`, '.'.repeat(LOG_LIMIT + 1))
    await symlink(`${path}-other`, path)
    const error: unknown = await boundLog(path).then(() => undefined, (reason: unknown) => reason)
    assert.is(error instanceof Error && 'code' in error ? error.code : error, 'ELOOP')
  })
})

test.run()
