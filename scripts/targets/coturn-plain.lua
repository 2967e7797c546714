-- SPDX-License-Identifier: BSD-3-Clause
--
-- coturn as Debian ships it, without third-party authorization: what a server owes that does not offer tokens.
return {
  name = "coturn without oauth",
  role = "server",
  address = "127.0.0.1",
  transports = { "udp", "tcp" },
  server_name = "turn.example.org",
  realm = "example.org",
  third_party = false,
  users = {
    { name = "assayer", password = "touchstone" },
  },
  launch = {
    command = { "scripts/targets/coturn.sh" },
    ready_timeout = 20,
  },
  notes = "coturn knows ACCESS-TOKEN in this mode too, and ignores it.",
}
