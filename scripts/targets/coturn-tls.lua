-- SPDX-License-Identifier: BSD-3-Clause
--
-- The same coturn over TLS and DTLS too: what it owes is the same over all transports.
-- Its certificate is made for the run.
return {
  name = "coturn with TLS",
  role = "server",
  address = "127.0.0.1",
  transports = { "udp", "tcp", "tls", "dtls" },
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
  notes = "coturn 4.6.1 speaks TLS 1.2 and DTLS 1.2, and deviates over them where it does over UDP and TCP.",
}
