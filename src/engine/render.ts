/** What a definition would become: pure, without what chance would choose. `netwright render`. */
import { dnsmasqConfig, needsDnsmasq } from '../dnsmasq/config.js'
import { parseDefinition } from '../network/definition.js'
import { renderNft, renderObjects } from '../network/render.js'
import type { NetworkSpec } from '../network/spec.js'
import { networkXml } from '../network/xml/write.js'
import { dnsmasqFiles } from '../dnsmasq/place.js'
import type { NetworkDefinition, Rendering } from './api.js'
import { fileName } from './places.js'

/** Touches nothing. A bridge without a name is shown as `virbr%d`, an automatic subnet is left out. Throws InputError. */
export function render (definition: NetworkDefinition): Rendering {
  const spec = parseDefinition(definition)
  return { xml: networkXml(spec), json: spec, dnsmasq: dnsmasq(spec), nft: renderNft(spec), objects: renderObjects(spec) }
}

/** Stands for a bridge whose name is still to be chosen; dnsmasq's emitter takes names of links only. */
const UNNAMED = 'virbrN'

function dnsmasq (spec: NetworkSpec): string {
  if (!needsDnsmasq(spec)) return ''
  const { bridge } = spec
  const files = dnsmasqFiles('/run/netwright/netns-ID/system/dnsmasq', '/var/lib/netwright/leases', fileName(spec.name))
  const open = bridge.name === undefined || bridge.name.includes('%')
  const { text } = dnsmasqConfig(open ? { ...spec, bridge: { ...bridge, name: UNNAMED } } : { ...spec, bridge: { ...bridge, name: bridge.name } }, files)
  return open ? text.replaceAll(`=${UNNAMED}\n`, `=${bridge.name ?? 'virbr%d'}\n`) : text
}
