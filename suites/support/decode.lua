-- SPDX-License-Identifier: BSD-3-Clause
--
-- assay decode: messages given in hex, in base64 or as files, shown as text or as JSON; with keys their tokens too.

local bytes = require "bytes"
local json = require "json"
local opened = require "support.opened"
local secrets = require "support.secrets"
local stun = require "stun"
local system = require "system"

local decode = {}

-- The octets that a word of the command line stands for, or nil and why it stands for none.
local function octets_of(word)
  local compact = word:gsub("[%s:]", "")
  if compact:match "^%x+$" and #compact % 2 == 0 then return bytes.unhex(compact) end
  if system.exists(word) then return system.read(word, 65536 + 20) end
  local decoded = bytes.unbase64(compact)
  if decoded then return decoded end
  return nil, "it is neither hex, nor base64, nor a file"
end

-- Returns a function: message → what is to be told of its token, nil of one without; or nil, text.
local function opener(options)
  local keys, problem = secrets.octets(options.keys)
  if not keys then return nil, problem end
  if #options.keys > 0 and not options.server_name then
    return nil, "tokens are sealed for a server: --key takes --server-name"
  end
  if #keys == 0 or not options.server_name then return function() end end
  local open = opened.by({ keys = keys, server_name = options.server_name }, options.with_secrets)
  return function(message)
    if not message:raw "ACCESS-TOKEN" then return nil end
    return open(message) or "        the token is not opened: no key is given for its kid, which is the USERNAME\n"
  end
end

local function as_table(message, inside)
  local attributes = json.array {}
  for i, one in ipairs(message:attributes()) do
    attributes[i] = {
      type = one.type, name = one.name, offset = one.offset, length = one.length, value = bytes.hex(one.value),
    }
  end
  return {
    class = message:class(), method = message:method(), transaction = bytes.hex(message:transaction()),
    length = #message:bytes(), attributes = attributes, fingerprint = message:fingerprint(),
    inside = inside and inside:match "^%s*(.-)%s*$":gsub("\n%s*", "; "),
  }
end

function decode.main(options)
  local form = options.format or "text"
  local status = 0
  local function complain(code, text)
    system.write(2, "assay: " .. text .. "\n")
    if code > status then status = code end
  end
  if form ~= "text" and form ~= "json" then
    complain(2, "--format is text or json, not '" .. form .. "'")
    return status
  end
  local open, why_not = opener(options)
  if not open then
    complain(2, why_not)
    return status
  end
  if #options.messages == 0 then
    complain(2, "a message is expected: hex, base64 or the name of a file")
    return status
  end
  for i, word in ipairs(options.messages) do
    local octets, problem = octets_of(word)
    if not octets then
      complain(2, ("message %d: %s"):format(i, problem))
    else
      local message, bad, offset = stun.parse(octets)
      if not message then
        complain(1, ("message %d: %s%s"):format(i, bad, offset and (" (octet %d of %d)"):format(offset, #octets) or ""))
      else
        local inside = open(message)
        local text = form == "text" and message:text():gsub("\n*$", "\n") .. (inside or "")
          or json.encode(as_table(message, inside), { "class", "method", "transaction" }) .. "\n"
        local ok, why = system.write(1, text)
        if not ok then
          complain(4, "the output cannot be written: " .. why)
          return status
        end
      end
    end
  end
  return status
end

return decode
