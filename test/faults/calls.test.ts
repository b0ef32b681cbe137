/** Kills between the steps: before single system calls, wherever the code has no hook. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kernelTest } from '../harness/kernel-test.js'
import { bed, type Bed } from './bed.js'
import type { OperationName } from './operations.js'

/** Every `stride`th call of a kind, from `from`, at most `most` points. */
interface Series { readonly call: string, readonly from: number, readonly stride: number, readonly most: number }

async function series ({ call, from, stride, most }: Series, stand: Bed): Promise<number> {
  for (let point = 0; point < most; point++) {
    const nth = from + point * stride
    const where = `${call} ${String(nth)}`
    const { code, stderr } = await stand.injected('signal=SIGKILL', call, nth)
    if (code === 0) { await stand.restore(await stand.next('host')); return point }
    assert.is(code, -1, `${where}: ${stderr}`)
    const stands = await stand.next('host').catch((error: unknown) => { throw new Error(`${where}: ${String(error)}`) })
    await stand.restore(stands)
  }
  return most
}

function everyCall (name: OperationName, points: readonly Series[]): void {
  kernelTest(test, `${name}: is killed before system calls, and the next command leaves it complete or gone`, async (context) => {
    await bed(name, context, async (stand) => {
      const counts: string[] = []
      for (const one of points) counts.push(`${one.call} ${String(await series(one, stand))}`)
      console.log(`${name}: points tried: ${counts.join(', ')}`)
    })
  }, { needs: ['dnsmasq', 'nft', 'tun', 'strace'] })
}

everyCall('start nat with DHCP', [
  { call: 'sendmsg', from: 1, stride: 1, most: 6 }, { call: 'clone', from: 1, stride: 1, most: 2 }, { call: 'inotify_add_watch', from: 1, stride: 1, most: 3 },
  { call: 'rename', from: 1, stride: 1, most: 12 }, { call: 'unlink', from: 1, stride: 1, most: 3 }, { call: 'mkdir', from: 2, stride: 3, most: 5 },
])
everyCall('stop nat with DHCP and a port', [
  { call: 'sendmsg', from: 1, stride: 1, most: 6 }, { call: 'pidfd_send_signal', from: 1, stride: 1, most: 2 }, { call: 'rename', from: 1, stride: 1, most: 6 },
  { call: 'unlink', from: 1, stride: 2, most: 8 }, { call: 'rmdir', from: 1, stride: 1, most: 4 },
])
test.run()
