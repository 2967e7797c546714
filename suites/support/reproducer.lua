-- SPDX-License-Identifier: BSD-3-Clause
--
-- Reads the file that a run wrote of what was deadly (support/battery.lua writes it). It may come from anybody.

local json = require "json"
local malformed = require "support.malformed"
local system = require "system"
local transports = require "support.transports"
local wire = require "support.wire"

local reproducer = {}

local MOST_INPUT = 64 * 1024 * 1024 -- octets

local names = {} -- of transports
for _, name in ipairs(transports.names) do names[name] = true end

-- A reproducer from a file: { transport =, messages = descriptions }. nil, one line for what is none.
function reproducer.read(path)
  local text, problem = system.read(path, MOST_INPUT)
  if not text then return nil, problem end
  local value
  value, problem = json.decode(text)
  if type(value) ~= "table" or value.type ~= "reproducer" or type(value.messages) ~= "table" then
    return nil, ("%s: this is no reproducer%s"):format(path, problem and " (" .. problem .. ")" or "")
  end
  local transport = value.transport
  if not names[transport] then return nil, path .. ": its transport is none of udp, tcp, tls and dtls" end
  local messages = {}
  for i, one in ipairs(value.messages) do
    messages[i], problem = malformed.decode(one)
    if messages[i] and messages[i].steps and not wire.knows(messages[i].steps) then
      messages[i], problem = nil, "its steps are not those of support/wire.lua"
    end
    if messages[i] and messages[i].steps and not transports.is_secure(transport) then
      messages[i], problem = nil, "steps are for tls and dtls"
    end
    if not messages[i] then return nil, ("%s: message %d: %s"):format(path, i, problem) end
  end
  if #messages == 0 then return nil, path .. ": it has no messages" end
  return { transport = transport, messages = messages }
end

return reproducer
