/** System calls that fail: the operation succeeds all the same, or is undone and says why. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kernelTest } from '../harness/kernel-test.js'
import { bed, type Bed } from './bed.js'
import type { OperationName } from './operations.js'

interface Series { readonly call: string, readonly error: string, readonly most: number }

async function fail ({ call, error }: Series, nth: number, tmp: string, stand: Bed): Promise<number> {
  const where = `${call} ${String(nth)} ${error}`
  const { code } = await stand.injected(`error=${error}`, call, nth)
  const said = await readFile(join(tmp, 'child.out'), 'utf8')
  assert.ok(code === 0 || code === 3, `${where}: exit code ${String(code)}\n${said}`)
  const stands = await stand.next('host').catch((reason: unknown) => { throw new Error(`${where}: ${String(reason)}\n${said}`) })
  // Once its intent is on record a stop goes on, whatever fails.
  if (stand.operation.onward !== true) assert.is(stands, code === 0 ? 'after' : 'before', `${where}: exit code ${String(code)}\n${said}`)
  await stand.restore(stands)
  return code
}

function everyError (name: OperationName, series: readonly Series[]): void {
  kernelTest(test, `${name}: where system calls fail it succeeds, or is undone with a typed error`, async (context) => {
    await bed(name, context, async (stand) => {
      const counts: string[] = []
      for (const one of series) {
        let failed = 0
        for (let nth = 1; nth <= one.most; nth++) if (await fail(one, nth, context.tmp, stand) !== 0) failed++
        counts.push(`${one.call} ${one.error} ${String(one.most)} (${String(failed)} refused)`)
      }
      console.log(`${name}: ${counts.join(', ')}`)
    })
  }, { needs: ['dnsmasq', 'nft', 'tun', 'strace'] })
}

everyError('start nat with DHCP', [
  { call: 'sendmsg', error: 'ENOBUFS', most: 5 }, { call: 'recvmsg', error: 'ENOBUFS', most: 10 }, { call: 'rename', error: 'EIO', most: 10 }, { call: 'mkdir', error: 'ENOSPC', most: 8 }, { call: 'clone', error: 'EAGAIN', most: 1 },
])
everyError('stop nat with DHCP and a port', [
  { call: 'sendmsg', error: 'ENOMEM', most: 4 }, { call: 'recvmsg', error: 'ENOBUFS', most: 6 }, { call: 'unlink', error: 'EIO', most: 8 }, { call: 'rename', error: 'ENOSPC', most: 2 },
])
test.run()
