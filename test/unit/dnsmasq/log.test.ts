import { appendFile, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { boundLog, lastLines, openLog, untilLog } from '../../../src/dnsmasq/log.js'

async function withLog (body: (path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'netwright-'))
  try { await body(join(directory, 'log')) } finally { await rm(directory, { recursive: true }) }
}

test('log: waits for a line that is yet to be written, and not for a part of one', async () => {
  await withLog(async (path) => {
    await appendFile(path, 'ready: old\n')
    const found = untilLog(path, 11, (lines) => lines.find((line) => line.includes('ready')), new AbortController().signal)
    await appendFile(path, 'starting\nrea')
    await appendFile(path, 'dy: new')
    await appendFile(path, ' and whole\n')
    assert.is(await found, 'ready: new and whole')
  })
})

test('log: an abort ends the wait with its reason', async () => {
  await withLog(async (path) => {
    await appendFile(path, '')
    const end = new AbortController()
    const found = untilLog(path, 0, () => undefined, end.signal)
    end.abort(new Error('enough'))
    const error: unknown = await found.then(() => undefined, (reason: unknown) => reason)
    assert.is(error instanceof Error ? error.message : error, 'enough')
  })
})

test('log: is cut to its last whole lines while somebody appends to it', async () => {
  await withLog(async (path) => {
    const writer = await openLog(path)
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

test('log: is never written through a link', async () => {
  await withLog(async (path) => {
    await symlink('/etc/hostname', path)
    const error: unknown = await openLog(path).then(() => undefined, (reason: unknown) => reason)
    assert.is(error instanceof Error && 'code' in error ? error.code : error, 'ELOOP')
  })
})

test.run()
