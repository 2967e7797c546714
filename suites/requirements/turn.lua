-- SPDX-License-Identifier: BSD-3-Clause
--
-- What TURN requires (RFC 5766, and RFC 8656 where that names RFC 7635) of allocations that are made, refreshed and
-- used with an access token.
return {
  {
    id = "5766-4-01", document = "RFC 5766", section = "4", level = "MUST", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-20" },
    text = "A request that authenticates as a user other than the owner of the allocation gets a 441.",
    softened = "401 instead is warn, success fail; a new token with another kid is no other user",
  },
  {
    id = "5766-4-02", document = "RFC 5766", section = "4", level = "MUST", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-21" },
    text = "An authenticated TURN request other than Allocate that meets no allocation gets a 437.",
    softened = "CreatePermission and ChannelBind of a token user may get 401 or an unsigned 437, "
      .. "and 400 if they have a token attached",
  },
  {
    id = "5766-4-03", document = "RFC 5766", section = "4", level = "MUST", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    text = "The client takes a 437 to any request other than Allocate to mean that its "
      .. "allocation no longer exists.",
  },
  {
    id = "5766-6.2-01", document = "RFC 5766", section = "6.2", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    text = "An Allocate request from a 5-tuple that holds an allocation gets a 437, "
      .. "whichever valid token it presents.",
  },
  {
    id = "5766-6.2-02", document = "RFC 5766", section = "6.2", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    text = "An authenticated Allocate request gets a 400 if REQUESTED-TRANSPORT is missing and a 442 if that "
      .. "names an unsupported protocol.",
  },
  {
    id = "5766-6.2-03", document = "RFC 5766", section = "6.2", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    text = "An Allocate success response has LIFETIME, XOR-RELAYED-ADDRESS and XOR-MAPPED-ADDRESS, the last "
      .. "being the client's address as the server sees it.",
    softened = "the mapped address is compared where the path is known to be direct, else it is a note",
  },
  {
    id = "5766-6.2-04", document = "RFC 5766", section = "6.2", level = "RECOMMENDED", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-09" },
    text = "Under a token of ample lifetime the server grants the smaller of the requested lifetime and its "
      .. "maximum, or its default if that is larger, and its maximum is 3600 s or less.",
    softened = "a token shorter than the default prevails over these rules",
  },
  {
    id = "5766-6.3-01", document = "RFC 5766", section = "6.3", level = "IMPLIED", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    reading = { "AMB-09" },
    text = "The client goes by the LIFETIME it was granted, not by the one it requested, and "
      .. "refreshes before that runs out.",
    softened = "a Refresh that comes at the last moment is warn",
  },
  {
    id = "5766-7.2-01", document = "RFC 5766", section = "7.2", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-23" },
    text = "A Refresh success response states the new LIFETIME, and LIFETIME 0 in a Refresh request deletes the "
      .. "allocation, so that a later one gets a 437.",
    softened = "deleting with an expired token may succeed or get 401; a 437 to a retransmitted "
      .. "deletion counts as success",
  },
  {
    id = "5766-9.2-01", document = "RFC 5766", section = "9.2", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    text = "CreatePermission and ChannelBind requests without MESSAGE-INTEGRITY get a 401 and install nothing.",
  },
  {
    id = "5766-10.2-01", document = "RFC 5766", section = "10.2", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-44", "AMB-49" },
    text = "The server relays a Send indication by the permission alone, asks no credentials "
      .. "for it and never answers it.",
  },
  {
    id = "8656-7.2-01", document = "RFC 8656", section = "7.2", level = "MUST", role = "server",
    observed = { "probe" }, verdict = "fail",
    text = "Except to guests of its own access network, the server grants no Allocate request that is "
      .. "authenticated neither by long-term credentials nor by third-party authorization.",
  },
}
