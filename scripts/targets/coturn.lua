-- SPDX-License-Identifier: BSD-3-Clause
--
-- coturn as Debian ships it, with third-party authorization (--oauth), over all that it speaks, started for the run on
-- free loopback ports. The keys are of this file alone: they protect nothing. Its certificate is made for the run.
return {
  name = "coturn",
  role = "server",
  address = "127.0.0.1",
  address6 = "::1",
  transports = { "udp", "tcp", "tls", "dtls", "udp6", "tcp6" },
  server_name = "turn.example.org",
  realm = "example.org",
  third_party = true,
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
    ready_timeout = 20,
  },
  notes = "coturn 4.6.1 keys the integrity with the first 16 octets of mac_key: tokens work in that form alone. It "
    .. "speaks TLS 1.2 and DTLS 1.2, and deviates over them and over IPv6 where it does over UDP and TCP.",
}
