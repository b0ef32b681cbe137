/**
 * Drawings of topologies: each scene of test/pictures becomes a file beside it. After a wanted change run with NETWRIGHT_UPDATE_GOLDEN=1,
 * read the diff, and look at the pictures: `rsvg-convert test/pictures/three.svg -o three.png`.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { SaxesParser } from 'saxes'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { width } from '../../../../src/cli/print/escape.js'
import { topologyDot } from '../../../../src/cli/topology/dot.js'
import { topologyMermaid } from '../../../../src/cli/topology/mermaid.js'
import { topologySvg } from '../../../../src/cli/topology/svg.js'
import { topologyText } from '../../../../src/cli/topology/text.js'
import { exec } from '../../../harness/command.js'
import { has, skipLine } from '../../../harness/needs.js'
import { nasty, scenes } from '../../../pictures/scenes.js'

const root = fileURLToPath(new URL('../../../../../test/pictures/', import.meta.url))
const update = process.env['NETWRIGHT_UPDATE_GOLDEN'] === '1'

async function compare (file: string, actual: string): Promise<void> {
  if (update) await writeFile(`${root}${file}`, actual)
  assert.fixture(actual, await readFile(`${root}${file}`, 'utf8'))
}

/** The scenes that are kept as files; the others are only measured. */
for (const name of ['three', 'nothing', 'ways'] as const) {
  const topology = scenes[name] ?? scenes['nothing']
  if (topology === undefined) throw new Error(name)
  test(`pictures: ${name} as text, in Unicode and in ASCII`, async () => {
    await compare(`${name}.txt`, topologyText(topology))
    await compare(`${name}.ascii.txt`, topologyText(topology, { unicode: false }))
  })
  test(`pictures: ${name} as SVG, Mermaid and DOT`, async () => {
    await compare(`${name}.svg`, topologySvg(topology))
    await compare(`${name}.mmd`, topologyMermaid(topology))
    await compare(`${name}.dot`, topologyDot(topology))
  })
}

const plain = (text: string): string => text.replaceAll(/\u001b\[[0-9;]*m/g, '') // eslint-disable-line no-control-regex -- what makes colours

for (const [name, topology] of Object.entries(scenes)) {
  test(`pictures: no line of ${name} is wider than was asked for, and boxes close`, () => {
    for (const columns of [60, 80, 133]) {
      const lines = topologyText(topology, { width: columns, colours: columns === 80 }).split('\n').map(plain)
      for (const line of lines) assert.ok(width(line) <= columns, line)
      for (const line of lines) if (/^\S/.test(line) && line !== '') assert.is(width(line), columns, line)
      assert.is(lines.join('').includes('\u001b'), false)
    }
  })
}

test('pictures: the ASCII form has nothing else in it, and colours change nothing but colours', () => {
  for (const name of ['three', 'nothing', 'ways', 'many']) {
    const topology = scenes[name]
    assert.ok(topology)
    assert.match(topologyText(topology, { unicode: false }), /^[\x20-\x7e\n]*$/)
    assert.is(plain(topologyText(topology, { colours: true })), topologyText(topology))
    assert.match(topologyText(topology, { colours: true }), /\u001b\[1m/) // eslint-disable-line no-control-regex -- bold
  }
})

test('pictures: of a hundred networks those with nobody in them take a line each', () => {
  const [many, three] = [scenes['many'], scenes['three']]
  assert.ok(many !== undefined && three !== undefined)
  assert.ok(topologyText(many).split('\n').length < 180)
  for (let i = 0; i < 100; i++) assert.match(topologyText(many), new RegExp(`\\bjob-${i}\\b`))
})

interface Seen { readonly name: string, readonly attributes: Readonly<Record<string, string>>, text: string }

/** Every element of a document, by somebody else's strict parser. */
function parsed (svg: string): Seen[] {
  const seen: Seen[] = []
  const open: Seen[] = []
  const parser = new SaxesParser()
  parser.on('error', (error) => { throw error })
  parser.on('opentag', ({ name, attributes }) => { const one = { name, attributes, text: '' }; open.push(one); seen.push(one) })
  parser.on('text', (text) => { const last = open.at(-1); if (last !== undefined) last.text += text })
  parser.on('closetag', () => { open.pop() })
  parser.write(svg).close()
  return seen
}

for (const [name, topology] of Object.entries(scenes)) {
  test(`pictures: the SVG of ${name} is well-formed, holds only shapes and text, and nothing lies outside`, () => {
    const elements = parsed(topologySvg(topology))
    const kinds = new Set(elements.map((element) => element.name))
    for (const kind of kinds) assert.ok(['svg', 'title', 'style', 'rect', 'text', 'path', 'circle'].includes(kind), kind)
    const [svg] = elements
    const [wide, high] = [Number(svg?.attributes['width']), Number(svg?.attributes['height'])]
    for (const { name: kind, attributes: a, text } of elements) {
      for (const key of Object.keys(a)) assert.ok(['class', 'x', 'y', 'width', 'height', 'rx', 'cx', 'cy', 'r', 'd', 'text-anchor', 'xmlns', 'viewBox', 'role'].includes(key), key)
      if (kind === 'rect') assert.ok(Number(a['x']) >= 0 && Number(a['x']) + Number(a['width']) <= wide && Number(a['y']) + Number(a['height']) <= high)
      if (kind !== 'text') continue
      const size = a['class']?.endsWith('title') === true ? 15 : a['class']?.endsWith('small') === true ? 11 : 13
      const long = width(text) * size * 0.6
      const left = Number(a['x']) - (a['text-anchor'] === 'middle' ? long / 2 : a['text-anchor'] === 'end' ? long : 0)
      assert.ok(left >= 0 && left + long <= wide && Number(a['y']) <= high, `${text} lies outside`)
    }
  })
}

test('pictures: of an ordinary host nothing is cut off', () => {
  for (const name of ['narrow', 'three', 'ways', 'many']) {
    const topology = scenes[name]
    assert.ok(topology)
    assert.not.match(topologySvg(topology), /…/)
    assert.not.match(topologyText(topology), /…/)
  }
})

test('pictures: what somebody has put into a name stays text in the SVG', () => {
  const topology = scenes['hostile']
  assert.ok(topology)
  const texts = parsed(topologySvg(topology)).map(({ text }) => text)
  const shown = nasty.replace('\u001b', '\\x1b').replace('\u202e', '\\u{202e}').replace('\u0000', '\\x00').replace('\ud800', '\\u{d800}').replace('\ufffe', '\\u{fffe}')
  assert.ok(texts.includes(shown), texts.join('\n')) // whole, in the title that a cut text has
  assert.is(texts.some((text) => text.includes('\ufffd')), false)
})

/** What topologyMermaid may write: ids and arrows of its own, labels in quotes with nothing special in them but entities. */
const quoted = '"(?:[\\p{L}\\p{N} ._/:,()-]|#\\d+;|<br/>)*"'
const chart = [
  'flowchart TB', '  classDef \\w+ [a-z-]+:[#\\w ]+(?:,[a-z-]+:[\\w ]+)*', '  outside\\(\\["outside"\\]\\)', `  subgraph host\\[${quoted}\\]`, '    router\\{\\{"routing, firewall"\\}\\}', '  end',
  `    [nuf]\\d+\\[${quoted}\\](?::::\\w+)?`, `    (?:n\\d+g|u\\d+d)\\d+\\(${quoted}\\)(?::::unplugged)?`, '    n\\d+ --- n\\d+g\\d+', '    u\\d+ --- u\\d+d\\d+', `  outside ---(?:\\|${quoted}\\|)? u\\d+`, '  u\\d+ --- router', `  router (?:---|<-->|x-\\.-x)\\|${quoted}\\| n\\d+`, '  f\\d+ -\\.- router', `  n\\d+ <?-->\\|${quoted}\\| n\\d+`, `  router ==>\\|${quoted}\\| n\\d+(?:g\\d+)?`,
].map((line) => new RegExp(`^${line}$`, 'u'))

for (const [name, topology] of Object.entries(scenes)) {
  test(`pictures: the Mermaid chart of ${name} has only lines that Mermaid takes as they are meant`, () => {
    const lines = topologyMermaid(topology).trimEnd().split('\n')
    for (const line of lines) {
      assert.ok(chart.some((form) => form.test(line)), line)
      // encodeEntities() would take the last semicolon off.
      if (!line.startsWith('  classDef')) assert.not.match(line, /style.*:\S*#.*;|classDef.*:\S*#.*;/)
    }
  })

  if (name === 'many') continue // Graphviz takes seconds for it
  const title = `pictures: Graphviz reads the graph of ${name}`
  if (!has('graphviz')) {
    process.stdout.write(skipLine('graphviz', title))
    test.skip(title)
  } else test(title, async () => {
    const { stdout, stderr, code } = await exec('dot', ['-Tdot_json'], { input: topologyDot(topology) })
    assert.equal([code, stderr], [0, ''])
    const { objects = [], edges = [] } = JSON.parse(stdout) as { objects?: { name: string, label?: string }[], edges?: unknown[] }
    const active = topology.networks.filter(({ state }) => state !== 'inactive')
    assert.is(objects.filter((object) => /^n\d+$/.test(object.name)).length, active.length)
    assert.is(edges.length, topology.uplinks.reduce((sum, { direct }) => sum + 2 + direct.length, 0) + active.length + topology.edges.filter(({ kind }) => kind !== 'uplink').length + (topology.filters ?? []).length + active.reduce((sum, { ports, guests }) => sum + ports.reduce((all, port) => all + Math.max(1, port.guests.length), 0) + guests.length, 0))
  })
}

test.run()
