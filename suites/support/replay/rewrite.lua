-- SPDX-License-Identifier: BSD-3-Clause
--
-- A captured request made anew for a live server: a fresh transaction identifier, REALM and NONCE of its challenges,
-- the token minted again under the keys we have, the integrity computed again. All else stays as it was: the order,
-- unknown attributes, and what is wrong.

local bytes = require "bytes"
local clock = require "clock"
local stun = require "stun"
local token = require "token"

local rewrite = {}

local DEFAULT_LIFETIME <const> = 3600
local MAC_KEY <const> = 20 -- octets
local FORGET <const> = 100000 -- tokens that are remembered; far more than clients hold at a time

local USERNAME <const>, REALM <const>, NONCE <const> = 0x0006, 0x0014, 0x0015
local ACCESS_TOKEN <const> = 0x001B

-- The long-term key that a captured kid stands for at the live server: that of the same name, else the first one.
local function key_of(bench, kid)
  for _, key in ipairs(bench.profile.keys) do
    if key.kid == kid then return key end
  end
  return bench:key()
end

-- What the captured token said of itself, where one of the keys opens it under a name that it may be sealed with.
local function opened(bench, names, kid, octets)
  for _, key in ipairs(bench.profile.keys) do
    if key.kid == kid then
      for name in pairs(names) do
        local fields = token.open { algorithm = key.algorithm, key = key.octets, server_name = name, token = octets }
        if fields then return fields end
      end
    end
  end
end

-- The token that stands for a captured one in the replay: as long-lived, as old and with as long a key. The same
-- captured token becomes the same live one, so that what was reused is reused.
local function mint(player, kid, octets, time)
  local known = player.tokens[octets]
  if known then return known end
  local bench, key = player.bench, key_of(player.bench, kid)
  local was = opened(bench, player.names, kid, octets)
  local age = was and time / 1e9 - (was.seconds + was.fraction / 64000) or 0
  local made = { kid = key.kid, mac_key = bytes.random(was and #was.mac_key or MAC_KEY) }
  made.octets = assert(token.seal {
    algorithm = key.algorithm, key = key.octets, server_name = bench.server_name or "", mac_key = made.mac_key,
    lifetime = was and was.lifetime or DEFAULT_LIFETIME,
    timestamp = token.timestamp(math.max(0, clock.now() + bench.clock_offset - age)),
  })
  if player.token_count >= FORGET then player.tokens, player.token_count = {}, 0 end
  player.tokens[octets], player.token_count = made, player.token_count + 1
  return made
end

-- The values that USERNAME and ACCESS-TOKEN have in a captured request.
local function credentials(step)
  local message = stun.parse(step.octets)
  if not message then return nil end
  return message:raw "USERNAME", message:raw "ACCESS-TOKEN"
end

-- The octets to send in place of a step of a flow. voice: of the live flow: { realm =, nonce =, token = (of the session)
-- }. Returns octets and the token that they present (nil without one); nil when the captured request is malformed.
-- player: { bench =, names =, users = password by name, tokens =, token_count = }.
function rewrite.request(player, voice, step)
  local kid, presented, key = nil, nil, ""
  if step.token or next(player.users) then
    local name, octets = credentials(step)
    if octets and name and #player.bench.profile.keys > 0 then
      presented = mint(player, name, octets, step.time)
    elseif name and player.users[name] then
      kid, key = name, stun.long_term_key(name, voice.realm or "", player.users[name])
    end
  end
  local holder = presented or key == "" and voice.token or nil
  if holder then kid, key = holder.kid, player.bench:integrity_key(holder.mac_key) end
  local changes = player.changes
  changes[USERNAME], changes[REALM], changes[NONCE] = kid, voice.realm, voice.nonce
  changes[ACCESS_TOKEN] = presented and presented.octets or nil
  local octets = stun.rewrite(step.octets, bytes.random(12), key, changes)
  return octets, presented
end

return rewrite
