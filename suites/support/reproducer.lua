-- SPDX-License-Identifier: BSD-3-Clause
--
-- The file of what was deadly to a target, from which it can be sent again: a run writes it, and it is read again as
-- something that may come from anybody.

local json = require "json"
local malformed = require "support.malformed"
local system = require "system"
local transports = require "support.transports"
local wire = require "support.wire"

local reproducer = {}

local MOST_INPUT = 64 * 1024 * 1024 -- octets

local names = {} -- of transports
for _, name in ipairs(transports.names) do names[name] = true end

-- fields: target, transport, seed, scenario, ending, confirmed, command (that sends it again), messages (descriptions),
-- octets (of each, as it was sent last; nil where that is not known). nil, text when it cannot be written.
function reproducer.write(path, fields)
  local messages = json.array {}
  local octets = fields.octets or {}
  for i, one in ipairs(fields.messages) do messages[i] = malformed.encode(one, octets[i]) end
  local file, problem = system.open(path, "w")
  if not file then return nil, problem end
  local ok
  ok, problem = file:write(json.encode({
    type = "reproducer", target = fields.target, transport = fields.transport, seed = fields.seed,
    scenario = fields.scenario, ending = fields.ending, confirmed = fields.confirmed, command = fields.command,
    messages = messages,
  }, { "type", "target", "command", "ending" }) .. "\n")
  file:close()
  return ok, problem
end

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
