/** Colours of the SVG, for light and for dark surroundings. Written out, not as variables: librsvg and old viewers know none. */

const light = { ground: '#ffffff', frame: '#f6f8fa', card: '#ffffff', inner: '#f6f8fa', edge: '#d1d9e0', text: '#1f2328', dim: '#59636e', nat: '#1a7f37', route: '#0969da', open: '#0f7b83', none: '#8250df', warn: '#9a6700', bad: '#cf222e', warned: '#fff8c5' }
const dark: typeof light = { ground: '#0d1117', frame: '#151b23', card: '#0d1117', inner: '#151b23', edge: '#3d444d', text: '#f0f6fc', dim: '#9198a1', nat: '#3fb950', route: '#4493f8', open: '#39c5cf', none: '#ab7df8', warn: '#d29922', bad: '#f85149', warned: '#2b2410' }

const painted = (c: typeof light): string => [
  `.ground{fill:${c.ground}}`, `.frame{fill:${c.frame};stroke:${c.edge}}`, `.card{fill:${c.card};stroke:${c.edge}}`, `.inner{fill:${c.inner};stroke:${c.edge}}`, `.badge{fill:${c.inner};stroke:${c.edge}}`,
  `.t{fill:${c.text}}`, `.m{fill:${c.dim}}`, `.wire{stroke:${c.dim}}`, `.warned{fill:${c.warned};stroke:${c.warn}}`, `.warn{fill:${c.warn}}`, `.bad{fill:${c.bad}}`,
  ...(['nat', 'route', 'open', 'none'] as const).flatMap((mode) => [`.${mode}{fill:${c[mode]}}`, `.w-${mode}{stroke:${c[mode]}}`, ...mode === 'none' ? [`.x-none{stroke:${c.none}}`] : [], `.o-${mode}{fill:${c.card};stroke:${c[mode]}}`]),
].join('')

export const style = [
  "text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono','DejaVu Sans Mono',monospace}",
  '.title{font-size:15px;font-weight:600}.text{font-size:13px}.small{font-size:11px}.b{font-weight:600}',
  '.wire,.w-nat,.w-route,.w-open,.w-none{fill:none;stroke-width:1.5}.w-none{stroke-dasharray:3 3}.x-none{fill:none;stroke-width:2}.o-nat,.o-route,.o-open,.o-none{stroke-width:1.5}',
  painted(light), `@media (prefers-color-scheme:dark){${painted(dark)}}`,
].join('\n')
