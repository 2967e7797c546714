-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in what stands before any request is understood: messages that are none, and more of them than anybody sends.
-- Only the robustness suite sends such, so only there are they caught (suite = "robustness").

local change = require "reference.faults.change"

-- Dies of a message for which is_deadly(octets) is true.
local function deadly(name, about, text, is_deadly)
  return {
    name = name, about = about, requirements = { "7635-7-05" }, suite = "robustness",
    apply = function(b)
      change.wrap(b, "admits", function(original, server, octets, client)
        if is_deadly(octets) then server:crash(text) end
        return original(server, octets, client)
      end)
    end,
  }
end

local function looks_like_stun(octets)
  return #octets >= 20 and octets:byte(1) < 0x40
end

-- visit(type, length, left) for each attribute header that can be found; left: octets behind it.
local function any_attribute(octets, visit)
  local position = 21
  while looks_like_stun(octets) and position + 3 <= #octets do
    local type, length = string.unpack(">I2I2", octets, position)
    if visit(type, length, #octets - position - 3) then return true end
    position = position + 4 + length + -length % 4
  end
  return false
end

return {
  deadly("crash-on-runt", "20 octets are read as a header, however many came", "read past the end of a datagram",
    function(octets) return #octets < 20 end),
  deadly("crash-on-header-length", "the length in the header is believed", "read past the end of a message",
    function(octets) return looks_like_stun(octets) and string.unpack(">I2", octets, 3) > #octets - 20 end),
  deadly("crash-on-foreign-protocol", "what is neither STUN nor ChannelData ends in an assertion", "assertion failed",
    function(octets) return #octets > 0 and octets:byte(1) >= 0x80 end),
  deadly("crash-on-attribute-length", "the length of an attribute is believed", "read past the end of an attribute",
    function(octets)
      return any_attribute(octets, function(_, length, left) return length > left end)
    end),
  deadly("crash-on-attribute-out-of-place", "a RESERVATION-TOKEN is read as eight octets", "read past a value",
    function(octets)
      return any_attribute(octets, function(type, length) return type == 0x0022 and length ~= 8 end)
    end),
  {
    name = "hang-on-doubled-attribute", about = "attributes are kept in a list that a doubled one makes a ring",
    requirements = { "7635-7-05" }, suite = "robustness",
    apply = function(b)
      change.wrap(b, "admits", function(original, server, octets, client)
        local seen = {}
        local doubled = any_attribute(octets, function(type)
          local before = seen[type]
          seen[type] = true
          return before
        end)
        if doubled then b.admits = function() return false end end
        return original(server, octets, client)
      end)
    end,
  },
  {
    name = "exhaust-on-challenges", about = "each challenge takes one of 1500 places that nothing frees",
    requirements = { "7635-7-05" }, suite = "robustness",
    apply = function(b)
      local taken = 0
      change.wrap(b, "challenge", function(original, ...)
        taken = taken + 1
        if taken >= 1500 then b.admits = function() return false end end
        return original(...)
      end)
    end,
  },
  {
    name = "take-few-connections", about = "sixteen connections over TCP are served, used or not",
    requirements = { "7635-7-05" }, suite = "robustness",
    apply = function(b) b.most_connections = function() return 16 end end,
  },
  {
    name = "drop-slow-messages", about = "a message over TCP that is not there whole within 0.1 s ends its connection",
    requirements = { "7635-7-05" }, suite = "robustness",
    apply = function(b) b.next_frame = function(connection) return connection:receive(0.1) end end,
  },
  {
    name = "drop-coalesced-messages", about = "of several messages that come together over TCP the first counts",
    requirements = { "7635-7-05" }, suite = "robustness",
    apply = function(b)
      change.wrap(b, "next_frame", function(original, connection, seconds)
        local octets, problem = original(connection, seconds)
        while connection:pending() > 0 do connection:receive(0) end
        return octets, problem
      end)
    end,
  },
}
