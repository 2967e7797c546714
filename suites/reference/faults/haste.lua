-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults of a server that acts before it looks, or has too much to do: mostly it lives on, and what it sends is no
-- message. Only the robustness suite gives it the occasion.

local change = require "reference.faults.change"
local clock = require "clock"
local stun = require "stun"

local LAST_REQUEST <const> = 0x0009 -- ChannelBind

-- 400 with a header that counts an attribute which does not follow.
local function half_an_answer(octets)
  return "\x01\x11\x00\x08\x21\x12\xA4\x42" .. (octets:sub(9, 20) .. ("\0"):rep(12)):sub(1, 12)
end

return {
  {
    name = "crash-on-channel-length", requirements = { "7635-7-05" }, suite = "robustness",
    about = "the length of ChannelData is believed",
    apply = function(b)
      change.wrap(b, "admits", function(original, server, octets, client)
        if #octets >= 4 and octets:byte(1) >> 6 == 1 and string.unpack(">I2", octets, 3) > #octets - 4 then
          server:crash "read past the end of ChannelData"
        end
        return original(server, octets, client)
      end)
    end,
  },
  {
    name = "answer-before-the-end", requirements = { "5389-6-01" }, suite = "robustness",
    about = "what begins like STUN and is no request that the server knows, or is long, is answered with half a 400",
    apply = function(b)
      change.wrap(b, "admits", function(original, server, octets, client)
        local message = stun.parse(octets)
        local odd = not message or #octets > 1200 or string.unpack(">I2", octets) > LAST_REQUEST
        if #octets > 0 and octets:byte(1) < 0x40 and odd then
          client.send(half_an_answer(octets))
          return false
        end
        return original(server, octets, client)
      end)
    end,
  },
  {
    name = "count-attributes-twice", requirements = { "5389-6-01" }, suite = "robustness",
    about = "an attribute that the server does not know, or that comes twice, is answered with half a 420",
    apply = function(b)
      change.wrap(b, "admits", function(original, server, octets, client)
        local message = stun.parse(octets)
        local seen, odd = {}, false
        for _, attribute in ipairs(message and message:attributes() or {}) do
          odd = odd or seen[attribute.type] or attribute.length == 0
          seen[attribute.type] = true
        end
        if odd then
          client.send(half_an_answer(octets))
          return false
        end
        return original(server, octets, client)
      end)
    end,
  },
  {
    name = "cut-hurried-challenges", requirements = { "5389-6-01" }, suite = "robustness",
    about = "of more than 200 requests without credentials within 0.2 s the rest are answered with half a 400",
    apply = function(b)
      local began, count = 0, 0
      change.wrap(b, "admits", function(original, server, octets, client)
        local now = clock.monotonic()
        if now - began > 0.2 then began, count = now, 0 end
        count = count + 1
        if #octets <= 28 and count > 200 then
          client.send(half_an_answer(octets))
          return false
        end
        return original(server, octets, client)
      end)
    end,
  },
}
