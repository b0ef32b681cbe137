/** A drawing of what stands. */
import type { Command } from '../command.js'
import { attempt, UsageError } from '../failure.js'

const forms = ['svg', 'mermaid', 'dot'] as const

export const command: Command = {
  name: 'topology',
  group: 'This host',
  summary: 'draw what stands: uplinks, networks, ports and guests',
  description: 'Draws the host with its uplinks, its networks and the guests behind their ports, as text as wide as the terminal (80 columns where there is none).\nWith --svg, --mermaid or --dot as a picture for a browser, for Markdown, or for Graphviz; with --json as nodes and edges.',
  parameters: [
    ...forms.map((name) => ({ kind: 'flag', name, description: { svg: 'an SVG, for light and dark pages', mermaid: 'a Mermaid flowchart', dot: 'a graph for Graphviz' }[name] }) as const),
    { kind: 'flag', name: 'ascii', description: 'no characters beyond ASCII (default where the locale is not UTF-8)' },
  ],
  run: async (values, context) => {
    const chosen = forms.filter((form) => values.flag(form))
    const [form] = chosen
    if (chosen.length + Number(context.json) > 1) throw new UsageError('Only one of --svg, --mermaid, --dot and --json may be specified.')
    const topology = await attempt('Failed to look at what stands', {}, async () => await (await context.host()).topology({ signal: context.signal }))
    if (context.json) { context.data(topology); return }
    switch (form) {
      case 'svg': context.print((await import('../topology/svg.js')).topologySvg(topology)); return
      case 'mermaid': context.print((await import('../topology/mermaid.js')).topologyMermaid(topology)); return
      case 'dot': context.print((await import('../topology/dot.js')).topologyDot(topology)); return
      case undefined: {
        const { topologyText } = await import('../topology/text.js')
        const { screen } = context
        context.print(topologyText(topology, { width: screen?.columns ?? 80, unicode: context.unicode && !values.flag('ascii'), colours: screen !== undefined && context.colours }))
        return
      }
      default: form satisfies never
    }
  },
}
