// SPDX-License-Identifier: BSD-3-Clause

// A TURN server of pion/turn, set up by the environment of a launched target (docs/profiles.md): what the examples of
// the library do, and no more. It listens on UDP and TCP at ASSAY_PORT, on TLS at ASSAY_TLS_PORT and on DTLS at
// ASSAY_DTLS_PORT, at ASSAY_ADDRESS and at ASSAY_ADDRESS6 where there is one, until it is ended.
package main

import (
	"crypto/tls"
	"log"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/pion/dtls/v2"
	"github.com/pion/turn/v2"
)

func must(err error) {
	if err != nil {
		log.Fatalf("pion: %v", err)
	}
}

// The port in an environment variable; 0 where it is not set.
func port(variable string) int {
	text := os.Getenv(variable)
	if text == "" {
		return 0
	}
	number, err := strconv.Atoi(text)
	must(err)
	return number
}

// A generator belongs to one listener. Relayed addresses are of IPv4 always: the library knows no others.
func relays() turn.RelayAddressGenerator {
	address := os.Getenv("ASSAY_ADDRESS")
	return &turn.RelayAddressGeneratorPortRange{
		RelayAddress: net.ParseIP(address),
		Address:      address,
		// Below what the kernel hands out as ephemeral ports (32768 and up), so that nobody else takes them.
		MinPort: 20000,
		MaxPort: 29999,
	}
}

func main() {
	realm := os.Getenv("ASSAY_REALM")
	keys := map[string][]byte{}
	for _, line := range strings.Split(os.Getenv("ASSAY_USERS"), "\n") {
		if colon := strings.Index(line, ":"); colon > 0 {
			keys[line[:colon]] = turn.GenerateAuthKey(line[:colon], realm, line[colon+1:])
		}
	}
	config := turn.ServerConfig{
		Realm: realm,
		AuthHandler: func(name string, _ string, _ net.Addr) ([]byte, bool) {
			key, known := keys[name]
			return key, known
		},
	}
	stream := func(listener net.Listener) {
		config.ListenerConfigs = append(config.ListenerConfigs,
			turn.ListenerConfig{Listener: listener, RelayAddressGenerator: relays()})
	}

	var certificates []tls.Certificate
	if file := os.Getenv("ASSAY_CERTIFICATE"); file != "" {
		certificate, err := tls.LoadX509KeyPair(file, os.Getenv("ASSAY_PRIVATE_KEY"))
		must(err)
		certificates = append(certificates, certificate)
	}
	for _, address := range []string{os.Getenv("ASSAY_ADDRESS"), os.Getenv("ASSAY_ADDRESS6")} {
		ip := net.ParseIP(address)
		if ip == nil {
			continue
		}
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip, Port: port("ASSAY_PORT")})
		must(err)
		config.PacketConnConfigs = append(config.PacketConnConfigs,
			turn.PacketConnConfig{PacketConn: udp, RelayAddressGenerator: relays()})
		tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: ip, Port: port("ASSAY_PORT")})
		must(err)
		stream(tcp)
		if number := port("ASSAY_TLS_PORT"); number != 0 {
			inner, err := net.ListenTCP("tcp", &net.TCPAddr{IP: ip, Port: number})
			must(err)
			stream(tls.NewListener(inner, &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12}))
		}
		if number := port("ASSAY_DTLS_PORT"); number != 0 {
			listener, err := dtls.Listen("udp", &net.UDPAddr{IP: ip, Port: number},
				&dtls.Config{Certificates: certificates, ExtendedMasterSecret: dtls.RequestExtendedMasterSecret})
			must(err)
			stream(listener)
		}
	}

	server, err := turn.NewServer(config)
	must(err)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	<-ended
	must(server.Close())
}
