/** `<route>`: networks behind a guest. Pure. */
import { formatCidr, type Cidr } from '../../values/cidr.js'
import { isIp, parseIp, type Ip } from '../../values/ip.js'
import type { RouteSpec } from '../spec.js'
import { isBase, placeAddress, spanOf, unusable, within, type Span } from './address.js'
import { shown, unlessEmpty, type Review } from './review.js'

/** The routes in normal form. `subnets` are those of the network's own addresses, undefined where they are still to be chosen. */
export function checkRoutes (routes: readonly RouteSpec[] | undefined, subnets: readonly Cidr[] | undefined, xml: boolean, review: Review): readonly RouteSpec[] | undefined {
  const seen = new Map<string, number>()
  const own = subnets?.map(spanOf)
  return unlessEmpty(routes?.map((route, i) => {
    const path = `route[${String(i)}]`
    const { normal, key } = checkRoute(route, own, path, xml, review)
    const first = key === undefined ? undefined : seen.get(key)
    if (first !== undefined) review.complain(path, `the same route as route[${String(first)}]`)
    else if (key !== undefined) seen.set(key, i)
    return normal
  }))
}

interface Result { readonly normal: RouteSpec, readonly key?: string }

function checkRoute (route: RouteSpec, subnets: readonly Span[] | undefined, path: string, xml: boolean, review: Review): Result {
  const placed = placeAddress(route, path, xml, review)
  const gateway = checkRouteGateway(route.gateway, subnets, path, review)
  if (placed === undefined || gateway === undefined) return { normal: route }
  const { complain, network } = review
  const { cidr, written } = placed
  if (!isBase(cidr)) complain(`${path}.address`, `${shown(network)}: Address '${cidr.address}' in route definition is not a network address`)
  else if (cidr.prefix === 0) complain(path, `a route to ${formatCidr(cidr)} in network '${shown(network)}' would take over the host's default route`)
  else if (unusable(cidr.address) !== undefined) complain(`${path}.address`, `route address '${cidr.address}' of network '${shown(network)}' ${unusable(cidr.address) ?? ''}`)
  else if (gateway.includes(':') !== cidr.address.includes(':')) complain(`${path}.gateway`, `${shown(network)}: route to ${formatCidr(cidr)} has a gateway of the other address family`)
  else if (reaches(subnets, spanOf(cidr))) complain(`${path}.address`, `Route address '${formatCidr(cidr)}' conflicts with IP address for '${shown(network)}'`)
  return { normal: { ...written, gateway, metric: route.metric }, key: `${formatCidr(cidr)} ${String(route.metric ?? 0)}` }
}

const reaches = (subnets: readonly Span[] | undefined, span: Span): boolean => subnets?.some((subnet) => within(span, subnet)) === true

function checkRouteGateway (text: string, subnets: readonly Span[] | undefined, path: string, { complain, network }: Review): Ip | undefined {
  const place = `${path}.gateway`
  if (!isIp(text)) { complain(place, `Invalid gateway address '${shown(text)}' in route definition of network '${shown(network)}'`); return undefined }
  const gateway = parseIp(text)
  if (subnets === undefined) return gateway
  if (!reaches(subnets, spanOf(gateway))) complain(place, `unreachable static route gateway '${gateway}' specified for network '${shown(network)}'`)
  else if (subnets.some(({ address }) => address === gateway)) complain(place, `route gateway '${gateway}' of network '${shown(network)}' is the network's own address`)
  return gateway
}
