-- SPDX-License-Identifier: BSD-3-Clause
--
-- kamailio as Debian ships it, a SIP server whose module stun answers Binding requests: a STUN server without any
-- credentials, and no TURN server.
return {
  name = "kamailio",
  role = "server",
  address = "127.0.0.1",
  address6 = "::1",
  transports = { "udp", "udp6" },
  third_party = false,
  launch = {
    command = { "scripts/targets/kamailio.sh" },
    ready_timeout = 20,
  },
  notes = "kamailio 5.6.3 answers an Allocate with a Binding error response 600.",
}
