/** Random definitions that are valid: what the model can say, in every combination that its rules allow. */
import fc from 'fast-check'

const maybe = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(item, { nil: undefined })
const hex = fc.stringMatching(/^[0-9a-fA-F]$/)
const pair = fc.tuple(hex, hex).map((two) => two.join(''))
const mac = fc.tuple(pair, pair, pair).map((three) => `52:54:00:${three.join(':')}`)
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9_-]{0,10}[a-z0-9])?$/)
const domain = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'))
const printable = fc.stringMatching(/^[ -~]{0,40}$/)
/** What XML can carry, with every character that it escapes. */
const anyText = fc.string({ unit: fc.oneof(fc.constantFrom('<', '>', '&', '\'', '"', ']', '-', '\n', '\t', ' ', 'é', '☃', '😀'), fc.stringMatching(/^[a-z]$/)), maxLength: 30 })
const lease = fc.record({ expiry: fc.oneof(fc.constant(0), fc.integer({ min: 120, max: 100_000 })), unit: maybe(fc.constantFrom('seconds' as const, 'minutes' as const, 'hours' as const)) })

/** The n-th of the network's subnets, all apart: 10.n.0.0/16 or fd00:n::/64. */
const ipv4 = (n: number) => fc.record({
  family: maybe(fc.constant('ipv4' as const)), address: fc.constantFrom(`10.${String(n)}.0.1`, `10.${String(n)}.0.0`),
  length: fc.constantFrom({ prefix: 16 }, { netmask: '255.255.0.0' }), localPtr: maybe(fc.boolean()),
}).map(({ length, ...rest }) => ({ ...rest, ...length }))
const ipv6 = (n: number) => fc.record({ family: fc.constant('ipv6' as const), address: fc.constantFrom(`fd00:${String(n)}::1`, `FD00:0${String(n)}::0:1`), prefix: fc.constant(64), localPtr: maybe(fc.boolean()) })

const dhcp4 = fc.record({
  range: maybe(fc.tuple(fc.nat(200), fc.nat(40), maybe(lease)).map(([from, more, time]) => [{ start: `10.1.2.${String(from)}`, end: `10.1.2.${String(from + more)}`, lease: time }])),
  host: maybe(fc.uniqueArray(fc.record({ mac, name: maybe(domain), ip: fc.nat(255).map((last) => `10.1.9.${String(last)}`), lease: maybe(lease) }), { maxLength: 5, comparator: (a, b) => a.mac.toLowerCase() === b.mac.toLowerCase() || a.ip === b.ip })),
})
const dhcp6 = fc.record({
  range: maybe(fc.tuple(fc.integer({ min: 0x100, max: 0x8000 }), fc.nat(0x7000)).map(([from, more]) => [{ start: `fd00:2::${from.toString(16)}`, end: `fd00:2::${(from + more).toString(16)}` }])),
  host: maybe(fc.uniqueArray(fc.record({ id: fc.array(pair, { minLength: 2, maxLength: 20 }).map((pairs) => pairs.join(':')), name: maybe(label), ip: fc.integer({ min: 2, max: 0xff }).map((last) => `fd00:2::${last.toString(16)}`) }), { maxLength: 4, comparator: (a, b) => a.id === b.id || a.ip === b.ip })),
})
const ip = fc.tuple(
  fc.tuple(ipv4(1), maybe(dhcp4)).map(([one, dhcp]) => ({ ...one, dhcp })),
  maybe(fc.tuple(ipv6(2), maybe(dhcp6)).map(([one, dhcp]) => ({ ...one, dhcp }))),
  maybe(ipv4(3)), maybe(ipv6(4)),
).map((all) => all.filter((one) => one !== undefined))

const srv = fc.record({ service: label, protocol: fc.constantFrom('tcp', 'udp'), domain: maybe(domain), rest: maybe(fc.record({ target: domain, port: maybe(fc.integer({ min: 1, max: 65535 })), priority: maybe(fc.nat(65535)), weight: maybe(fc.nat(65535)) })) }).map(({ rest, ...one }) => ({ ...one, ...rest }))
const dns = fc.oneof(fc.constant({ enable: false }), fc.record({
  enable: maybe(fc.constant(true)), forwardPlainNames: maybe(fc.boolean()),
  forwarder: maybe(fc.array(fc.record({ addr: fc.oneof(fc.ipV4(), fc.ipV6()).filter((text) => !/(^|:)0\d|\.0\d/.test(text)), domain: maybe(domain) }), { maxLength: 3 })),
  txt: maybe(fc.array(fc.record({ name: domain, value: printable }), { maxLength: 3 })),
  srv: maybe(fc.array(srv, { maxLength: 3 })),
  host: maybe(fc.array(fc.record({ ip: fc.ipV4(), hostname: fc.array(domain, { minLength: 1, maxLength: 3 }) }), { maxLength: 3 })),
}))

const name = fc.stringMatching(/^[a-zA-Z0-9_&<>'"é(][a-zA-Z0-9 _&<>'"é.-]{0,20}$/).map((text) => text.trim()).filter((text) => text !== '')
const common = {
  name, uuid: maybe(fc.uuid()), title: maybe(fc.stringMatching(/^[a-z<>&'" é]{1,30}$/)), description: maybe(anyText), ipv6: maybe(fc.boolean()),
  mac: maybe(mac), mtu: maybe(fc.integer({ min: 1280, max: 65535 })), domain: maybe(fc.record({ name: domain, localOnly: maybe(fc.boolean()) })), dns: maybe(dns),
  bridge: maybe(fc.record({ name: maybe(fc.constantFrom('virbr0', 'br-x', 'lab%d')), stp: maybe(fc.boolean()), delay: maybe(fc.nat(30)) })),
  metadata: maybe(fc.constantFrom('', '\n  <a:b xmlns:a="urn:a" c=\'1\'>&lt;<!-- x --></a:b>\n', '<a xmlns="urn:b"><![CDATA[]] >]]></a>')),
}
const nat = fc.record({ mode: maybe(fc.constant('nat' as const)), dev: maybe(fc.constant('eth0')), nat: maybe(fc.record({ ipv6: maybe(fc.boolean()) })) })
const forward = fc.oneof(nat, fc.record({ mode: fc.constant('route' as const), dev: maybe(fc.constant('wlp2s0')) }), fc.constantFrom('nat' as const, 'open' as const, 'none' as const, undefined))
const route = fc.array(fc.record({ address: fc.nat(255).map((second) => `172.16.${String(second)}.0`), prefix: fc.constant(24), gateway: fc.constant('10.1.77.7'), metric: maybe(fc.integer({ min: 1, max: 0xffffffff })) }), { maxLength: 3 })
  .map((routes) => [...new Map(routes.map((one) => [one.address, one])).values()])

/** A definition that `checkNetwork` takes. */
export const networkInput = fc.oneof(
  fc.record({ ...common, forward, ip, route: maybe(route) }),
  fc.record({ ...common, forward, subnet: fc.constantFrom('auto/24', 'auto', '10.7.0.0/24', 'fd00:9::/64'), dhcp: maybe(fc.boolean()) }),
)
