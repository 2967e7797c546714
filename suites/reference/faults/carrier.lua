-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults that show over some transports alone: under TLS and DTLS (RFC 7635 section 11), and with IPv6.

local change = require "reference.faults.change"

local SECURE <const> = { "tls", "dtls" }
local IPV6 <const> = { "udp6", "tcp6" }

local function is_secure(request) return request.client.transport == "tls" or request.client.transport == "dtls" end

local function is_ipv6(client) return client.address:find(":", 1, true) ~= nil end

return {
  {
    name = "announce-in-the-clear-only", about = "over TLS and DTLS the 401 does not say that tokens are taken",
    requirements = { "7635-11-06", "7635-4-05" }, transports = SECURE,
    apply = function(b)
      change.wrap(b, "challenge_attributes", function(original, server, request, cause)
        local attributes = original(server, request, cause)
        return is_secure(request) and change.without(attributes, "THIRD-PARTY-AUTHORIZATION") or attributes
      end)
    end,
  },
  {
    name = "take-tokens-in-the-clear-only", about = "over TLS and DTLS no token is good",
    requirements = { "7635-11-06" }, transports = SECURE,
    apply = function(b)
      change.wrap(b, "identify_by_token", function(original, server, request)
        if is_secure(request) then return nil, b.challenge(server, request, "token") end
        return original(server, request)
      end)
    end,
  },
  {
    name = "lose-session-under-tls", about = "over TLS and DTLS the mac_key of an allocation is not kept",
    requirements = { "7635-11-06", "7635-9-01" }, transports = SECURE,
    apply = function(b)
      change.wrap(b, "session_of", function(original, server, request)
        return not is_secure(request) and original(server, request) or nil
      end)
    end,
  },
  {
    name = "map-ipv6-as-ipv4", about = "a client over IPv6 is told an IPv4 address of zeros",
    requirements = { "5766-6.2-03" }, transports = IPV6,
    apply = function(b)
      change.wrap(b, "mapped_address", function(original, client)
        if not is_ipv6(client) then return original(client) end
        return { "XOR-MAPPED-ADDRESS", { address = "0.0.0.0", port = client.port } }
      end)
    end,
  },
}
