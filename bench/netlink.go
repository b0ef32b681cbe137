// The same links through github.com/vishvananda/netlink: netlink make|destroy FILE, in the namespace that it is run in. Prints the nanoseconds
// without the program's start. What its types do not know (forward delay, no IPv6 address generation) goes through its package nl, in one request.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

type address struct {
	Local     string
	Prefix    int
	Broadcast string
}

type link struct {
	Name, Mac, Alias, Master string
	Group                    uint32
	Ipv6                     *bool
	Addresses                []address
}

type spec struct{ Bridges, Taps []link }

const (
	brForwardDelay = 1
	brStpState     = 5
	genMode        = 8
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Alias, no IPv6 address, up; for a bridge also STP off and no forward delay.
func finish(index int, one link, bridge bool, master int) {
	request := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	message := nl.NewIfInfomsg(unix.AF_UNSPEC)
	message.Index, message.Flags, message.Change = int32(index), unix.IFF_UP, unix.IFF_UP
	request.AddData(message)
	if one.Alias != "" {
		request.AddData(nl.NewRtAttr(unix.IFLA_IFALIAS, []byte(one.Alias)))
	}
	if one.Ipv6 != nil && !*one.Ipv6 {
		families := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
		families.AddRtAttr(unix.AF_INET6, nil).AddRtAttr(genMode, nl.Uint8Attr(1))
		request.AddData(families)
	}
	if bridge {
		info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
		info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
		data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
		data.AddRtAttr(brForwardDelay, nl.Uint32Attr(0))
		data.AddRtAttr(brStpState, nl.Uint32Attr(0))
		request.AddData(info)
	} else {
		mac, err := net.ParseMAC(one.Mac)
		must(err)
		request.AddData(nl.NewRtAttr(unix.IFLA_ADDRESS, mac))
		request.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(master))))
		request.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(one.Group)))
	}
	_, err := request.Execute(unix.NETLINK_ROUTE, 0)
	must(err)
}

func create(wanted spec) {
	indexes := map[string]int{}
	for i, one := range wanted.Bridges {
		mac, err := net.ParseMAC(one.Mac)
		must(err)
		index := 20000 + i
		indexes[one.Name] = index
		bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: one.Name, Index: index, HardwareAddr: mac, Group: one.Group, TxQLen: -1}}
		must(netlink.LinkAdd(bridge))
		finish(bridge.Attrs().Index, one, true, 0)
		for _, at := range one.Addresses {
			must(netlink.AddrAdd(bridge, &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(at.Local).To4(), Mask: net.CIDRMask(at.Prefix, 32)}, Broadcast: net.ParseIP(at.Broadcast).To4()}))
		}
	}
	for _, one := range wanted.Taps {
		tap := &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: one.Name, TxQLen: -1}, Mode: netlink.TUNTAP_MODE_TAP, Flags: netlink.TUNTAP_NO_PI}
		must(netlink.LinkAdd(tap))
		finish(tap.Attrs().Index, one, false, indexes[one.Master])
	}
}

func destroy(wanted spec) {
	links, err := netlink.LinkList()
	must(err)
	found := map[string]netlink.Link{}
	for _, one := range links {
		found[one.Attrs().Name] = one
	}
	for _, one := range append(wanted.Taps, wanted.Bridges...) {
		must(netlink.LinkDel(found[one.Name]))
	}
}

func main() {
	text, err := os.ReadFile(os.Args[2])
	must(err)
	var wanted spec
	must(json.Unmarshal(text, &wanted))
	begin := time.Now()
	if os.Args[1] == "make" {
		create(wanted)
	} else {
		destroy(wanted)
	}
	fmt.Println(time.Since(begin).Nanoseconds())
}
