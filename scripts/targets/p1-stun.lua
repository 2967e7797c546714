-- SPDX-License-Identifier: BSD-3-Clause
--
-- p1_stun, the STUN and TURN server of ejabberd and eturnal, as Debian ships it (erlang-p1-stun 1.2.7), started for the
-- run on free loopback ports. It takes passwords and no tokens.
return {
  name = "p1_stun",
  role = "server",
  address = "127.0.0.1",
  address6 = "::1",
  transports = { "udp", "tcp", "tls", "udp6", "tcp6" },
  realm = "example.org",
  third_party = false,
  users = {
    { name = "assayer", password = "touchstone" },
  },
  launch = {
    command = { "scripts/targets/p1-stun.sh" },
    ready_timeout = 20,
  },
  notes = "It does not know ACCESS-TOKEN, and answers it with 420 like any attribute that it does not know.",
}
