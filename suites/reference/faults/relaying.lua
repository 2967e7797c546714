-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in permissions, channels and the data that passes (RFC 5766 sections 8 to 11).

local change = require "reference.faults.change"

local function unauthenticated(method, name)
  return {
    name = name, about = ("%s without integrity is served on an existing allocation"):format(method),
    requirements = { "5766-9.2-01" },
    apply = function(b)
      change.wrap(b, "identify", function(original, server, request)
        local allocation = request.method == method and not b.has_integrity(request)
          and server:allocation_of(request.client)
        if not allocation then return original(server, request) end
        return { kind = allocation.session and "session" or "user", name = "" }
      end)
      change.wrap(b, "is_owner", function(original, found, identity)
        return identity.name == "" or original(found, identity)
      end)
    end,
  }
end

-- Data in one direction that does not pass.
local function lose(decision, name, about, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b) b[decision] = function() end end,
  }
end

return {
  unauthenticated("CreatePermission", "permit-unauthenticated"),
  unauthenticated("ChannelBind", "bind-unauthenticated"),
  {
    name = "permit-before-check", about = "a permission is installed first and the request refused afterwards",
    requirements = { "5766-9.2-01" },
    apply = function(b)
      change.wrap(b, "answer", function(original, server, request)
        local allocation = server:allocation_of(request.client)
        if request.method == "CreatePermission" or request.method == "ChannelBind" then
          local peer = request:get "XOR-PEER-ADDRESS"
          if allocation and peer then b.permit(server, allocation, { peer.address }, request.received) end
        end
        return original(server, request)
      end)
    end,
  },
  {
    name = "miss-permission-integrity-by-400",
    about = "CreatePermission and ChannelBind without integrity are called malformed",
    requirements = { "5766-9.2-01" },
    apply = function(b)
      change.wrap(b, "challenge", function(original, server, request, cause)
        local about_peer = request.method == "CreatePermission" or request.method == "ChannelBind"
        if about_peer and cause == "absent" then return b.failure(400) end
        return original(server, request, cause)
      end)
    end,
  },
  {
    name = "relay-without-permission", about = "data passes whether there is a permission or not",
    requirements = { "5766-9.2-01" },
    apply = function(b) b.is_permitted = function() return true end end,
  },
  lose("send_to_peer", "lose-data-to-peer", "nothing is relayed to peers", "7635-7-15", "5766-10.2-01"),
  lose("serve_peer", "lose-data-from-peer", "nothing is relayed from peers", "7635-7-15"),
  lose("serve_send", "ignore-send", "Send indications are ignored; only channels relay", "7635-7-15", "5766-10.2-01"),
  {
    name = "authenticate-send", about = "a Send indication without integrity is dropped",
    requirements = { "5766-10.2-01" },
    apply = function(b)
      change.wrap(b, "serve_send", function(original, server, request)
        if b.has_integrity(request) then return original(server, request) end
      end)
    end,
  },
  {
    name = "answer-send", about = "a Send indication is answered with an error",
    requirements = { "5766-10.2-01" },
    apply = function(b)
      change.wrap(b, "serve_send", function(original, server, request)
        original(server, request)
        b.deliver(server, request, b.encode(server, request, b.failure(401)))
      end)
    end,
  },
  {
    name = "relay-send-with-unknown",
    about = "a Send indication with a required attribute that is not understood is relayed",
    requirements = { "5766-10.2-01" },
    apply = function(b) b.refuses_indication = function() return false end end,
  },
}
