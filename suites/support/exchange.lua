-- SPDX-License-Identifier: BSD-3-Clause
--
-- What was sent and received, as results hold it: evidence, from the record of a run or from a capture.

local address = require "support.address"
local bytes = require "bytes"
local stun = require "stun"

local exchange = {}

-- One message in a few words.
function exchange.summary(octets)
  local message = stun.parse(octets)
  if message then
    local class = message:class()
    local error_code = class == "error" and message:get "ERROR-CODE"
    return ("%s %s%s"):format(message:method(), class == "success" and "success response"
      or class == "error" and "error response" or class, error_code and " " .. error_code.code or "")
  end
  local channel, data = stun.parse_channel_data(octets)
  if channel then return ("ChannelData on 0x%04X, %d octets"):format(channel, #data) end
  return ("%d octets that are no STUN message"):format(#octets)
end

-- Entries as results.ndjson holds them, with times from `began`; `full` adds the decoded text of each message, and what
-- explain(message) has to add to it, if anything.
function exchange.of(entries, began, full, explain)
  local list = {}
  for i, entry in ipairs(entries) do
    local icmp = entry.direction == "icmp"
    local message = full and not icmp and stun.parse(entry.octets)
    list[i] = {
      time = math.floor((entry.time - began) * 1e6) / 1e6, direction = entry.direction,
      transport = entry.transport, from = address.text(entry.from), to = address.text(entry.to), frame = entry.frame,
      step = entry.step, summary = icmp and "ICMP: " .. entry.octets or exchange.summary(entry.octets),
      text = message and message:text() .. (explain and explain(message) or "") or nil,
      hex = not icmp and bytes.hex(entry.octets) or nil,
    }
  end
  return list
end

return exchange
