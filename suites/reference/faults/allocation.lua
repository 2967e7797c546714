-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in Allocate, and in what is said where there is no allocation (RFC 5766 sections 4 and 6.2).

local change = require "reference.faults.change"

local function omit(attribute, name)
  return {
    name = name, about = ("the success answer to Allocate has no %s"):format(attribute),
    requirements = { "5766-6.2-03" },
    apply = function(b)
      change.wrap(b, "allocate_attributes", function(original, ...)
        return change.without(original(...), attribute)
      end)
    end,
  }
end

local function transport(name, about, problem)
  return {
    name = name, about = about, requirements = { "5766-6.2-02" },
    apply = function(b)
      change.wrap(b, "transport_problem", function(original, request)
        return problem(original(request))
      end)
    end,
  }
end

-- Another answer to a request that has no allocation.
local function without_allocation(name, about, answer)
  return {
    name = name, about = about, requirements = { "5766-4-02" },
    apply = function(b)
      change.wrap(b, "answer", function(original, server, request)
        local first = original(server, request)
        if first and first.code == 437 and request.method ~= "Allocate" then return answer(b, request) end
        return first
      end)
    end,
  }
end

-- Another XOR-MAPPED-ADDRESS; address(server, client).
local function mapped(name, about, attribute)
  return {
    name = name, about = about, requirements = { "5766-6.2-03" },
    apply = function(b) b.mapped_address = attribute end,
  }
end

return {
  -- a second Allocate
  {
    name = "replace-allocation", about = "a second Allocate on a 5-tuple replaces the first allocation",
    requirements = { "5766-6.2-01" },
    apply = function(b)
      b.answer_existing = function(server, request)
        server:close_allocation(server:allocation_of(request.client))
        return b.serve_allocate(server, request)
      end
    end,
  },
  {
    name = "return-existing-allocation", about = "a second Allocate on a 5-tuple is told of the first allocation again",
    requirements = { "5766-6.2-01" },
    apply = function(b)
      b.answer_existing = function(server, request)
        local found = server:allocation_of(request.client)
        return b.success(b.allocate_attributes(server, request, found, server.default_lifetime))
      end
    end,
  },
  {
    name = "refuse-second-by-400", about = "a second Allocate on a 5-tuple is called malformed",
    requirements = { "5766-6.2-01" },
    apply = function(b) b.answer_existing = function() return b.failure(400) end end,
  },

  -- REQUESTED-TRANSPORT
  transport("assume-udp", "without REQUESTED-TRANSPORT UDP is assumed",
    function(code) return code ~= 400 and code or nil end),
  transport("miss-transport-by-442", "a missing REQUESTED-TRANSPORT is called unsupported",
    function(code) return code and 442 end),
  transport("take-any-transport", "REQUESTED-TRANSPORT must be there and may say anything",
    function(code) return code ~= 442 and code or nil end),
  transport("refuse-transport-by-400", "an unsupported transport is called malformed",
    function(code) return code and 400 end),

  -- what the success answer tells
  omit("XOR-RELAYED-ADDRESS", "omit-relayed-address"),
  omit("XOR-MAPPED-ADDRESS", "omit-mapped-address"),
  omit("LIFETIME", "omit-lifetime"),
  mapped("map-without-xor", "the address of the client is told in MAPPED-ADDRESS, as RFC 3489 had it",
    function(client) return { "MAPPED-ADDRESS", { address = client.address, port = client.port } } end),
  mapped("map-port-backwards", "the port in XOR-MAPPED-ADDRESS is not converted to network order", function(client)
    local port = string.unpack("<I2", string.pack(">I2", client.port))
    return { "XOR-MAPPED-ADDRESS", { address = client.address, port = port } }
  end),

  -- no allocation
  without_allocation("miss-allocation-by-403", "a request that needs an allocation and has none is called forbidden",
    function(b) return b.failure(403) end),
  without_allocation("refresh-nothing",
    "Refresh, CreatePermission and ChannelBind succeed where there is no allocation",
    function(b, request) return b.success(request.method == "Refresh" and { { "LIFETIME", 600 } } or {}) end),
  {
    name = "forbid-strangers",
    about = "CreatePermission and ChannelBind from where no allocation is are called forbidden at once",
    requirements = { "5766-4-02" },
    apply = function(b)
      change.wrap(b, "identify", function(original, server, request)
        local needs = request.method == "CreatePermission" or request.method == "ChannelBind"
        if needs and b.has_integrity(request) and not server:allocation_of(request.client) then
          return nil, b.failure(403)
        end
        return original(server, request)
      end)
    end,
  },
}
