-- SPDX-License-Identifier: BSD-3-Clause
--
-- coturn as Debian ships it, with third-party authorization (--oauth) and authenticated Binding (--secure-stun),
-- started for the run on free loopback ports.
-- The keys are of this file alone: they protect nothing.
return {
  name = "coturn with secure-stun",
  role = "server",
  address = "127.0.0.1",
  transports = { "udp", "tcp" },
  server_name = "turn.example.org",
  realm = "example.org",
  third_party = true,
  authenticates_binding = true,
  keys = {
    { kid = "north", algorithm = "A256GCM", key = "YXNzYXk6IGZpcnN0IGxvbmctdGVybSBrZXksIDMyIG8=" },
    { kid = "south", algorithm = "A256GCM", key = "YXNzYXk6IG90aGVyIGxvbmctdGVybSBrZXksIDMyIG8=" },
    { kid = "east", algorithm = "A128GCM", key = "YXNzYXk6IHNob3J0IGtleQ==" },
  },
  expiring_key = {
    kid = "brief", algorithm = "A256GCM", key = "YXNzYXk6IGJyaWVmIGxvbmctdGVybSBrZXksIDMyIG8=",
    expires_in = 8, leeway = 6, -- it grants the key the Delta of RFC 7635 too
  },
  users = {
    { name = "assayer", password = "touchstone" },
  },
  launch = {
    command = { "scripts/targets/coturn.sh" },
    environment = { COTURN_SECURE_STUN = "yes" },
    ready_timeout = 20,
  },
  notes = "coturn 4.6.1 keys the integrity with the first 16 octets of mac_key: tokens work in that form alone.",
}
