/** Directories that several make and remove at once. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { editInside, makeDirectory, readIfThere, removeEmpty, removeFile, written } from '../../../src/engine/files.js'

async function inTemp (work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'netwright-files-'))
  try { await work(directory) } finally { await rm(directory, { recursive: true }) }
}

test('files: a directory is made although others remove it, since it is empty, at the same moment', async () => {
  await inTemp(async (directory) => {
    const path = join(directory, 'a', 'b', 'c')
    let making = true
    const removing = (async () => { while (making) { await removeEmpty(path, 3); await sleep(1) } })()
    const made = await Promise.allSettled([1, 2].map(async () => { for (let i = 0; i < 1000; i++) await makeDirectory(path) }))
    making = false
    await removing
    assert.equal(made.flatMap((one) => one.status === 'rejected' ? [String(one.reason)] : []), [])
  })
})

test('files: what is written into a directory gets there although others remove it at the same moment', async () => {
  await inTemp(async (directory) => {
    const path = join(directory, 'a', 'b')
    let writing = true
    // As others remove it: again and again, but not in every gap that there is.
    const removing = (async () => { while (writing) { await removeEmpty(path, 2); await sleep(1) } })()
    const done = await Promise.allSettled([1, 2].map(async (one) => {
      for (let i = 0; i < 300; i++) {
        const file = join(path, String(one))
        await editInside(path, [written(file, 'text')])
        assert.is(await readIfThere(file), 'text')
        await removeFile(file)
      }
    }))
    writing = false
    await removing
    assert.equal(done.flatMap((one) => one.status === 'rejected' ? [String(one.reason)] : []), [])
  })
})

test('files: what is in the way of a directory is said', async () => {
  await inTemp(async (directory) => {
    await writeFile(join(directory, 'file'), '')
    const refusal = async (path: string): Promise<unknown> => await makeDirectory(join(directory, path)).then(() => 'made', (error: unknown) => (error as NodeJS.ErrnoException).code)
    assert.is(await refusal('file/below'), 'ENOTDIR')
    assert.is(await refusal('file'), 'EEXIST')
  })
})

test.run()
