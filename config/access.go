package config

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"skynet/config/strict"
)

// Off is what Listen says where nothing is to be served ("" says the same), and a
// worker's metadata and heartbeats where no controller looks after it.
const Off = "off"

// Served reports whether anything is to be served at Listen.
func (c *Config) Served() bool { return c.Listen != "" && c.Listen != Off }

// hostName is a name as a browser's address bar has it, without a port.
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// listens checks the address, and that one which others can reach is protected.
// An address may name a port alone (":9464"), which is every address of the machine.
func (c *Config) listens(r *strict.Report) {
	if !c.Served() {
		return
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n >= 1<<16 {
		r.Bad("listen", c.Listen, "is not an address; write it like 127.0.0.1:9464")
		return
	}
	if !r.Sound("access", "access.certificate", "access.key") {
		return
	}
	if !Loopback(host) && c.Access.Certificate == "" && c.Access.Key == "" {
		r.Bad("listen", c.Listen, "can be reached by others, who could read what is said on the way; add access: {certificate: …, key: …} for TLS, or write 127.0.0.1:%s and come through an SSH tunnel or a proxy", port)
	}
}

// Loopback reports whether a host is this machine and nobody else can reach it.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// Validate wants a certificate with its key, and names that are hosts.
func (a *Access) Validate(r *strict.Report) {
	switch {
	case a.Certificate != "" && a.Key == "" && r.Sound("key"):
		r.Bad("key", nil, "is missing: certificate needs its private key; add key: FILE")
	case a.Key != "" && a.Certificate == "" && r.Sound("certificate"):
		r.Bad("certificate", nil, "is missing: key needs its certificate; add certificate: FILE")
	}
	for i, h := range a.Hosts {
		if _, err := netip.ParseAddr(h); err != nil && !hostName.MatchString(h) {
			r.At("hosts").Bad("["+strconv.Itoa(i)+"]", h, "is not a host; write a name in small letters or an address, without port, like skynet.example.com")
		}
	}
}
