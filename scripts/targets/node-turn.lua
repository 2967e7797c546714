-- SPDX-License-Identifier: BSD-3-Clause
--
-- node-turn 0.0.6 of npm: UDP and passwords alone. npm.sh says how to install it.
return {
  name = "node-turn",
  role = "server",
  address = "127.0.0.1",
  address6 = "::1",
  transports = { "udp", "udp6" },
  server_name = "turn.example.org",
  realm = "example.org",
  third_party = false,
  users = {
    { name = "assayer", password = "touchstone" },
  },
  launch = {
    command = { "scripts/targets/npm.sh", "node-turn@0.0.6", "node-turn.js" },
    ready_timeout = 20,
  },
  notes = "node-turn answers no request that holds an attribute which it does not know.",
}
