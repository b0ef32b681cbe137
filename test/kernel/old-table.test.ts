/** Networks that run in a table of an earlier netwright: without the sets, chains and rules that came since. They are stopped, changed and listed, and the table is brought up to date. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ping } from '../harness/guest.js'
import { kernelTest, type KernelTest } from '../harness/kernel-test.js'
import { host } from './bed.js'
import { definition, guest, plainUplink } from './forwards-bed.js'

const needs = { needs: ['nft'] }
const later = 'peers|answers|inrules|outrules|nohost|hostproto|hostports'

const table = async ({ ns }: KernelTest): Promise<string> => await ns.must('nft', ['list', 'table', 'inet', 'netwright'])

/** What stands, in a table as shape 2 had it: all that came with peers and rules is missing. */
async function age (bed: KernelTest): Promise<void> {
  const text = (await table(bed)).replace('shape 3', 'shape 2')
    .replace(new RegExp(`\\t(?:set|map) (?:${later}) \\{\\n(?:\\t\\t.*\\n)*\\t\\}\\n`, 'g'), '')
    .replace(/\tchain (?:leave|bymode|tohost) \{\n(?:\t\t.*\n)*\t\}\n/g, '')
    .replace(new RegExp(`\\t\\t.*(?:@(?:${later})\\b|jump (?:leave|tohost)).*\\n`, 'g'), '')
  assert.not.match(text, new RegExp(`@(?:${later})|chain leave`))
  const file = join(bed.tmp, 'old.nft')
  await writeFile(file, `delete table inet netwright\n${text}`)
  await bed.ns.must('nft', ['-f', file])
}

kernelTest(test, 'old table: networks in it are listed and stopped, by whom made them and by a host that comes later', async (bed) => {
  const h = await host(bed)
  const networks = await h.create([definition(1), definition(2), definition(3)])
  await age(bed)
  await networks[0]?.destroy()
  const later = await host(bed)
  assert.equal((await later.networks()).map(({ name, active }) => [name, active]), [['net2', true], ['net3', true]])
  await (await later.network('net2')).destroy()
  assert.not.match(await table(bed), /nwf[12]"/)
  await (await later.network('net3')).destroy()
  assert.not.match(await bed.ns.must('nft', ['list', 'ruleset']), /netwright/)
  await later.close()
  await h.close()
}, needs)

kernelTest(test, 'old table: is brought up to date by whatever starts or changes, with all that runs', async (bed) => {
  await plainUplink(bed)
  const h = await host(bed)
  const [first] = await h.create([definition(1), definition(2)])
  const inside = first === undefined ? bed.ns : await guest(bed, first, 1, 10)
  const current = async (what: string): Promise<void> => {
    const now = await table(bed)
    for (const part of [/shape 3/, /chain leave/, /set peers/, /"nwf1" \. "nwf1"/, /"nwf2" \. "nwf2"/]) assert.match(now, part, what)
    assert.ok(await ping(inside, '198.51.100.2'), what)
  }
  await age(bed)
  const third = await h.create(definition(3))
  await current('a start')
  await age(bed)
  const other = await host(bed)
  await (await other.network('net1')).update({ ...definition(1), title: 'changed', rules: ['deny in tcp/25'], peers: ['net2'], host: 'deny' })
  await current('a change')
  assert.match(await table(bed), /chain in-nwf1/)
  await (await other.network('net1')).update({ ...definition(1), title: 'again' })
  await age(bed)
  const trial = await other.transaction((tx) => { tx.update({ ...definition(2), peers: ['net1'] }) }, { confirmWithin: 600, probe: 'none' })
  await trial.takeBack()
  await current('a trial that was taken back')
  await (await other.network('net1')).update({ ...definition(1), forward: 'none' })
  const kept = await other.transaction((tx) => { tx.update(definition(1)) }, { confirmWithin: 600, probe: 'none' })
  await age(bed)
  await kept.takeBack()
  assert.match(await table(bed), /shape 3/, 'what is put back')
  await third.destroy()
  for (const name of ['net1', 'net2']) await (await other.network(name)).destroy()
  await other.close()
  await h.close()
}, needs)

test.run()
