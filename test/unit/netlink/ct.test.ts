/** Connections as conntrack(8) shows them, against what the kernel told it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readFile } from 'node:fs/promises'
import { parseHex } from '../../../src/bytes/hexdump.js'
import { walk } from '../../../src/netlink/attr.js'
import { decodeEntry, removeEntry, type Entry, type Tuple } from '../../../src/netlink/ct/entry.js'
import { messages, NLMSG_MIN_TYPE, type Message } from '../../../src/netlink/header.js'
import { makeSieve, withinPrefix } from '../../../src/netlink/sieve.js'

interface Shown { readonly family: string, readonly src: readonly string[], readonly dst: readonly string[], readonly ports: readonly string[], readonly id: number, readonly mark: number, readonly zone?: number }

/** What the tool printed: one line a connection, with both directions. */
function shown (line: string): Shown {
  const all = (name: string): string[] => [...line.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text]) => text ?? '')
  const [zone] = all('zone')
  return { family: /protoname="(ipv[46])"/.exec(line)?.[1] ?? '', src: all('src'), dst: all('dst'), ports: [...all('sport'), ...all('dport')].sort(), id: Number(all('id')[0]), mark: Number(all('mark')[0] ?? 0), ...zone === undefined ? {} : { zone: Number(zone) } }
}

async function fixture (): Promise<{ readonly lines: readonly Shown[], readonly told: readonly Message[] }> {
  const text = await readFile(new URL('../../../../test/fixtures/ct-entries.hex', import.meta.url), 'utf8')
  const lines = text.split('\n').filter((line) => line.startsWith('# output <flow>')).map(shown)
  return { lines, told: [...messages(parseHex(text))].filter(({ type }) => type >= NLMSG_MIN_TYPE) }
}

const ends = ({ original, reply }: Entry): readonly Tuple[] => [original ?? {}, reply ?? {}]

test('ct: connections are read as conntrack shows them', async () => {
  const { lines, told } = await fixture()
  const read = told.map(decodeEntry).map((entry): Shown => {
    const both = ends(entry)
    return {
      family: entry.family === 'ip' ? 'ipv4' : 'ipv6', id: entry.id ?? 0, mark: entry.mark ?? 0, ...entry.zone === undefined ? {} : { zone: entry.zone },
      src: both.map(({ ip }) => ip?.src4 ?? ip?.src6 ?? ''), dst: both.map(({ ip }) => ip?.dst4 ?? ip?.dst6 ?? ''),
      ports: both.flatMap(({ protocol }) => [protocol?.sourcePort, protocol?.destinationPort]).flatMap((port) => port === undefined ? [] : [String(port)]).sort(),
    }
  })
  assert.is(read.length, 6)
  assert.equal(read, lines)
})

test('ct: a deletion names the direction byte for byte as the kernel told it, and the number', async () => {
  const { told } = await fixture()
  for (const message of told) {
    const { body, type } = removeEntry(decodeEntry(message))
    assert.is(type, 0x102)
    const attributes = (data: Buffer): Map<number, string> => new Map([...walk(data.subarray(4))].map(({ type: number, payload }) => [number, payload.toString('hex')]))
    const [asked, known] = [attributes(body), attributes(message.payload)]
    assert.is(body[0], message.payload[0])
    for (const [number, payload] of asked) assert.is(payload, known.get(number), `attribute ${String(number)}`)
    assert.ok([1, 12].every((number) => asked.has(number)))
    assert.is(asked.has(18), known.has(18))
  }
})

test('ct: what would delete more than one connection cannot be said', async () => {
  const [message] = (await fixture()).told
  assert.ok(message)
  const { family, original, id } = decodeEntry(message)
  assert.throws(() => removeEntry({}), RangeError)
  assert.throws(() => removeEntry({ ...family === undefined ? {} : { family }, ...id === undefined ? {} : { id } }), RangeError)
  assert.throws(() => removeEntry({ ...family === undefined ? {} : { family }, ...original === undefined ? {} : { original } }), RangeError)
})

test('sieve: a prefix is its leading bits', () => {
  const bits = (prefix: string): string => { const { value, mask } = withinPrefix(prefix); return `${Buffer.from(value).toString('hex')} ${Buffer.from(mask).toString('hex')}` }
  assert.is(bits('10.7.0.9/24'), '0a070000 ffffff00')
  assert.is(bits('10.7.0.9/32'), '0a070009 ffffffff')
  assert.is(bits('10.7.0.9/0'), '00000000 00000000')
  assert.is(bits('10.255.0.9/9'), '0a800000 ff800000')
  assert.is(bits('2001:db8::9/61'), '20010db8000000000000000000000000 fffffffffffffff80000000000000000')
  assert.is(Buffer.from(makeSieve(4, [{ path: [1, 2], width: 4, values: [withinPrefix('10.7.0.0/16')] }])).toString('hex'), '04' + '020102' + '04' + '0100' + '0a070000' + 'ffff0000')
})

test.run()
