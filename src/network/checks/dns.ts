/** `<dns>` and `<domain>`: libvirt's rules, and character sets so narrow that no value can become another option of dnsmasq. Pure. */
import { isIp, parseIp } from '../../values/ip.js'
import type { DnsSpec, ExpandedInput } from '../spec.js'
import { checkDomain } from './names.js'
import { shown, unlessBare, unlessEmpty, type Review } from './review.js'

type Items<K extends keyof DnsSpec> = NonNullable<DnsSpec[K]> extends readonly (infer T)[] ? T : never
type Forwarder = Items<'forwarder'>
type Txt = Items<'txt'>
type Srv = Items<'srv'>
type DnsHost = Items<'host'>

/** One string of a TXT record holds at most 255 bytes. Source: RFC 1035, section 3.3. */
const LONGEST_TEXT = 255

/** The domain of a network. */
export function checkDomainElement (domain: ExpandedInput['domain'], review: Review): ExpandedInput['domain'] {
  if (domain !== undefined) checkDomain(domain.name, 'domain.name', 'domain', review)
  return domain
}

/** The normal form of `<dns>`: empty lists and an element that says nothing are left out. */
export function checkDns (dns: DnsSpec | undefined, review: Review): DnsSpec | undefined {
  if (dns === undefined) return undefined
  const { enable, forwardPlainNames } = dns
  const forwarder = unlessEmpty(dns.forwarder?.map((item, i) => checkForwarder(item, `dns.forwarder[${String(i)}]`, review)))
  const txt = unlessEmpty(dns.txt?.map((item, i) => checkTxt(item, `dns.txt[${String(i)}]`, review)))
  const srv = unlessEmpty(dns.srv?.map((item, i) => checkSrv(item, `dns.srv[${String(i)}]`, review)))
  const host = unlessEmpty(dns.host?.map((item, i) => checkHost(item, `dns.host[${String(i)}]`, review)))
  if (enable === false && (forwarder ?? txt ?? srv ?? host) !== undefined) review.complain('dns', `Extra data in disabled network '${shown(review.network)}'`)
  return unlessBare({ enable, forwardPlainNames, forwarder, txt, srv, host })
}

function checkForwarder (item: Forwarder, path: string, review: Review): Forwarder {
  const { addr, domain } = item
  const { complain, network } = review
  if (addr === undefined && domain === undefined) complain(path, 'Invalid forwarder element, must contain at least one of addr or domain')
  if (domain !== undefined) checkDomain(domain, `${path}.domain`, 'forwarder domain', review)
  if (addr === undefined) return item
  if (isIp(addr)) return { domain, addr: parseIp(addr) }
  complain(`${path}.addr`, `Invalid forwarder IP address '${shown(addr)}' in network '${shown(network)}'`)
  return item
}

function checkTxt (item: Txt, path: string, { complain, network }: Review): Txt {
  const { name, value } = item
  if (!/^[A-Za-z0-9._-]+$/.test(name)) complain(`${path}.name`, `prohibited character in DNS TXT record name '${shown(name)}' of network ${shown(network)}`)
  else if (name.length > 253) complain(`${path}.name`, `DNS TXT record name of network ${shown(network)} has more than 253 characters`)
  if (!/^[ -~]*$/.test(value)) complain(`${path}.value`, `DNS TXT record '${shown(name)}' of network '${shown(network)}' holds a character that is not printable ASCII`)
  else if (value.length > LONGEST_TEXT) complain(`${path}.value`, `DNS TXT record '${shown(name)}' of network '${shown(network)}' has more than ${String(LONGEST_TEXT)} characters`)
  return item
}

function checkSrv (item: Srv, path: string, review: Review): Srv {
  const { complain } = review
  const network = shown(review.network)
  const { service, protocol, domain, target, port, priority, weight } = item
  if (!/^[A-Za-z0-9_+/*-]{1,482}$/.test(service)) complain(`${path}.service`, `Service name '${shown(service)}' in network '${network}' may hold letters, digits and _-+/*, at most 482`)
  if (!/^[A-Za-z0-9+/-]{1,62}$/.test(protocol)) complain(`${path}.protocol`, `Invalid protocol attribute value '${shown(protocol)}' in DNS SRV record of network '${network}'`)
  if (domain !== undefined) checkDomain(domain, `${path}.domain`, 'DNS SRV domain', review)
  if (target !== undefined && target !== '.') checkDomain(target, `${path}.target`, 'DNS SRV target', review)
  if (target === undefined) {
    for (const [name, value] of Object.entries({ port, priority, weight })) {
      if (value !== undefined) complain(`${path}.${name}`, `DNS SRV ${name} attribute not permitted without target for service '${shown(service)}' in network '${network}'`)
    }
  }
  // Zero is what a missing one means, and libvirt does not write it.
  return { service, protocol, domain, target, port, priority: priority === 0 ? undefined : priority, weight: weight === 0 ? undefined : weight }
}

function checkHost (item: DnsHost, path: string, review: Review): DnsHost {
  const { ip, hostname } = item
  hostname.forEach((name, i) => { checkDomain(name, `${path}.hostname[${String(i)}]`, 'DNS host name', review) })
  if (isIp(ip)) return { ip: parseIp(ip), hostname }
  review.complain(`${path}.ip`, `Invalid IP address '${shown(ip)}' in network '${shown(review.network)}' DNS HOST record`)
  return item
}
