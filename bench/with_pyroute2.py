"""The same links through pyroute2: with_pyroute2.py make|destroy FILE, in the namespace that it is run in. Prints the nanoseconds without Python's start.

One request at a time, as its users write it, but with every index chosen or known beforehand, so that none is looked up.
"""
import json
import sys
import time

from pyroute2 import IPRoute

NO_IPV6 = {'attrs': [('AF_INET6', {'attrs': [('IFLA_INET6_ADDR_GEN_MODE', 1)]})]}


def make(ipr, spec):
    masters = {}
    for i, bridge in enumerate(spec['bridges'], 20000):
        masters[bridge['name']] = i
        ipr.link('add', index=i, ifname=bridge['name'], kind='bridge', address=bridge['mac'], group=bridge['group'], br_stp_state=0, br_forward_delay=0)
        ipr.link('set', index=i, ifalias=bridge['alias'], IFLA_AF_SPEC=NO_IPV6, state='up')
        for address in bridge['addresses']:
            ipr.addr('add', index=i, address=address['local'], prefixlen=address['prefix'], broadcast=address['broadcast'])
    for tap in spec['taps']:
        ipr.link('add', ifname=tap['name'], kind='tun', tun_type=2)
        index = ipr.link_lookup(ifname=tap['name'])[0]
        options = {'ifalias': tap['alias']} if tap['alias'] else {}
        if tap['ipv6'] is False:
            options['IFLA_AF_SPEC'] = NO_IPV6
        ipr.link('set', index=index, address=tap['mac'], master=masters[tap['master']], group=tap['group'], state='up', **options)


def destroy(ipr, spec):
    indexes = {dict(link['attrs'])['IFLA_IFNAME']: link['index'] for link in ipr.get_links()}
    for link in spec['taps'] + spec['bridges']:
        ipr.link('del', index=indexes[link['name']])


with open(sys.argv[2]) as file:
    wanted = json.load(file)
begin = time.monotonic_ns()
with IPRoute() as route:
    {'make': make, 'destroy': destroy}[sys.argv[1]](route, wanted)
print(time.monotonic_ns() - begin)
