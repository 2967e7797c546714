-- SPDX-License-Identifier: BSD-3-Clause
--
-- A server of pion/turn, the TURN library of Go, as Debian ships it (2.1.0, with pion/dtls 2.2.6), started for the run
-- on free loopback ports. It takes passwords and no tokens. pion.sh says what it is built of.
return {
  name = "pion/turn",
  role = "server",
  address = "127.0.0.1",
  address6 = "::1",
  transports = { "udp", "tcp", "tls", "dtls", "udp6", "tcp6" },
  realm = "example.org",
  third_party = false,
  users = {
    { name = "assayer", password = "touchstone" },
  },
  launch = {
    command = { "scripts/targets/pion.sh" },
    ready_timeout = 300, -- the first time the standard library of Go is compiled too
  },
  notes = "It answers no unknown attribute with 420, and ACCESS-TOKEN is one of them.",
}
