-- SPDX-License-Identifier: BSD-3-Clause
--
-- A malformed message as a description. A nonce, a key and a token are good for one session only, so what can be sent
-- again is not the octets but how they were made:
--
--     base    name of the correct message it is made from (bases below); none for octets that are no message
--     edits   deliberate breaks, as stun.build takes them
--     token   what is deliberate about its token: the fields of `sealing`, and keep = n octets of the sealed token,
--             overwrite = { offset, octets }, append = n zeros behind it
--     octets  of what is no message
--     steps   what is done beneath TLS or DTLS (support/wire.lua), or with `within` on a session of TLS 1.3, or of 1.2
--             where that is its `maximum`
--     bound   it is sent where channel 0x4000 is bound
--     class   what kind of defect it is; a target is failed once for each
--     what    the defect, for a person
--
-- Here it becomes octets, and a table that JSON can hold, and is read from one. Lists of them are made by
-- support/mutation.lua and support/beneath.lua.

local bytes = require "bytes"
local json = require "json"
local stun = require "stun"

local malformed = {}

local sealing = { "key_length", "nonce_length", "lifetime", "timestamp", "tag_length" }

-- The correct messages. peer: needs XOR-PEER-ADDRESS; bare: no credentials.
malformed.bases = {
  binding = { method = "Binding", bare = true },
  challenge = { method = "Allocate", bare = true, attributes = { { "REQUESTED-TRANSPORT", 17 } } },
  allocate = { method = "Allocate", token = true, attributes = { { "REQUESTED-TRANSPORT", 17 }, { "LIFETIME", 600 } } },
  refresh = { method = "Refresh", token = true, attributes = { { "LIFETIME", 600 } } },
  permission = {
    method = "CreatePermission", attributes = { { "XOR-PEER-ADDRESS", { address = "127.0.0.1", port = 50000 } } },
  },
  channel = {
    method = "ChannelBind",
    attributes = { { "CHANNEL-NUMBER", 0x4000 }, { "XOR-PEER-ADDRESS", { address = "127.0.0.1", port = 50000 } } },
  },
  send = {
    class = "indication", method = "Send", bare = true,
    attributes = { { "XOR-PEER-ADDRESS", { address = "127.0.0.1", port = 50000 } }, { "DATA", "assay" } },
  },
}

-- Seals the token of a description. session.mint(fields, kid) seals a right one with these fields changed,
-- session.cut_block(size, kid) one whose block is only so many octets of a right one.
local function token_of(session, spec)
  local fields = {}
  for _, name in ipairs(sealing) do fields[name] = spec[name] end
  if spec.mac_key_size then fields.mac_key = session.mac_key_of(spec.mac_key_size) end
  if spec.nonce_size then fields.nonce = bytes.random(spec.nonce_size) end
  if spec.extra_size then fields.extra = ("\0"):rep(spec.extra_size) end
  local minted = spec.block_size and session.cut_block(spec.block_size, spec.kid) or session.mint(fields, spec.kid)
  local octets = minted.octets
  if spec.keep then octets = octets:sub(1, spec.keep) end
  if spec.overwrite then
    local offset, piece = table.unpack(spec.overwrite)
    octets = octets:sub(1, offset) .. piece .. octets:sub(offset + #piece + 1)
  end
  if spec.append then octets = octets .. ("\0"):rep(spec.append) end
  return octets, minted
end

-- The octets of a description in a session: { realm, nonce, username, key = that of the integrity } and, where the
-- target takes tokens, { token = minted, mint, cut_block, mac_key_of, integrity_key }. nil, text where it cannot be
-- made of what the session has.
function malformed.render(one, session)
  if one.octets then return one.octets end
  local base = malformed.bases[one.base]
  local attributes = {}
  for i, attribute in ipairs(base.attributes or {}) do attributes[i] = attribute end
  if not base.bare then
    local username, key, octets = session.username, session.key, session.token and session.token.octets
    if one.token then
      if not session.mint then return nil, "the target takes no tokens" end
      local ok, sealed, minted = pcall(token_of, session, one.token)
      if not ok then return nil, tostring(sealed) end
      username, key, octets = minted.kid, session.integrity_key(minted.mac_key), sealed
    end
    local n = #attributes
    attributes[n + 1], attributes[n + 2] = { "USERNAME", username }, { "REALM", session.realm }
    attributes[n + 3] = { "NONCE", session.nonce }
    if base.token and octets then attributes[n + 4] = { "ACCESS-TOKEN", octets } end
    attributes[#attributes + 1] = { "MESSAGE-INTEGRITY", key = key }
  end
  local ok, octets, problem = pcall(stun.build, {
    class = base.class or "request", method = base.method, attributes = attributes, edits = one.edits,
  })
  if not ok then return nil, tostring(octets) end
  return octets, problem
end

local octets_key = "hex"

-- A value that JSON can hold: octets as { hex = … }, words as they are.
local function to_json(value)
  if type(value) == "string" then
    return value:match "^[%w%-]+$" and #value < 64 and value or { [octets_key] = bytes.hex(value) }
  end
  if type(value) ~= "table" then return value end
  if next(value) == nil then return json.array {} end
  local positional, copy = #value > 0, {}
  for key, part in pairs(value) do
    -- An edit is a list with names in it ({"move", a, before = b}): its names go into a table at its end.
    if positional and type(key) == "string" then
      copy.named = copy.named or {}
      copy.named[key] = to_json(part)
    else
      copy[key] = to_json(part)
    end
  end
  local named = copy.named
  copy.named = nil
  if positional and named then copy[#copy + 1] = { named = named } end
  return copy
end

local function from_json(value)
  if type(value) ~= "table" then return value end
  if value[octets_key] ~= nil then return assert(bytes.unhex(value[octets_key])) end
  local copy = {}
  for key, part in pairs(value) do
    if type(key) == "number" and type(part) == "table" and part.named then
      for name, named in pairs(part.named) do copy[name] = from_json(named) end
    else
      copy[key] = from_json(part)
    end
  end
  return copy
end

-- A description as a table for JSON, and back. sent: the octets it last became, for a person.
function malformed.encode(one, sent)
  return {
    class = one.class, what = one.what, base = one.base, octets = to_json(one.octets),
    edits = one.edits and to_json(one.edits),
    steps = one.steps and to_json(one.steps), within = one.within, bound = one.bound, maximum = one.maximum,
    token = one.token and to_json(one.token), sent = sent and bytes.hex(sent),
  }
end

-- nil, text for what is no description.
function malformed.decode(value)
  if type(value) ~= "table" then return nil, "a message is an object" end
  local ok, one = pcall(function()
    return {
      class = tostring(value.class), what = tostring(value.what), base = value.base, octets = from_json(value.octets),
      edits = from_json(value.edits), token = from_json(value.token), steps = from_json(value.steps),
      within = value.within == true or nil,
      bound = value.bound == true or nil,
      maximum = value.maximum == "1.2" and "1.2" or nil,
    }
  end)
  if not ok then return nil, "a message that cannot be read" end
  if one.steps then return one end
  if one.octets then
    if type(one.octets) ~= "string" then return nil, "octets are an object { hex: … }" end
  elseif not malformed.bases[one.base] then
    return nil, ("there is no correct message '%s' to begin with"):format(tostring(one.base))
  elseif one.edits ~= nil and type(one.edits) ~= "table" or one.token ~= nil and type(one.token) ~= "table" then
    return nil, "edits and token are objects"
  end
  return one
end

return malformed
