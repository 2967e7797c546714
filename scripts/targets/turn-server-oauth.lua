-- SPDX-License-Identifier: BSD-3-Clause
--
-- turn-server 0.6.6 of npm with access tokens: it opens them and checks little else. npm.sh says how to install it. The
-- keys are of this file alone: they protect nothing.
return {
  name = "turn-server with oauth",
  role = "server",
  address = "127.0.0.1",
  address6 = "::1",
  transports = { "udp", "tcp", "tls", "udp6", "tcp6" },
  server_name = "turn.example.org",
  realm = "example.org",
  third_party = true,
  keys = {
    { kid = "north", algorithm = "A256GCM", key = "YXNzYXk6IGZpcnN0IGxvbmctdGVybSBrZXksIDMyIG8=" },
    { kid = "south", algorithm = "A256GCM", key = "YXNzYXk6IG90aGVyIGxvbmctdGVybSBrZXksIDMyIG8=" },
    { kid = "east", algorithm = "A128GCM", key = "YXNzYXk6IHNob3J0IGtleQ==" },
  },
  launch = {
    command = { "scripts/targets/npm.sh", "turn-server@0.6.6", "turn-server.mjs" },
    environment = { TURN_SERVER_MECHANISM = "oauth" },
    ready_timeout = 20,
  },
}
