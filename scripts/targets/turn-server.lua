-- SPDX-License-Identifier: BSD-3-Clause
--
-- turn-server 0.6.6 of npm with passwords: a server that knows ACCESS-TOKEN and does not offer tokens. npm.sh says how
-- to install it.
return {
  name = "turn-server",
  role = "server",
  address = "127.0.0.1",
  address6 = "::1",
  transports = { "udp", "tcp", "tls", "udp6", "tcp6" },
  server_name = "turn.example.org",
  realm = "example.org",
  third_party = false,
  users = {
    { name = "assayer", password = "touchstone" },
  },
  launch = {
    command = { "scripts/targets/npm.sh", "turn-server@0.6.6", "turn-server.mjs" },
    environment = { TURN_SERVER_MECHANISM = "long-term" },
    ready_timeout = 20,
  },
}
