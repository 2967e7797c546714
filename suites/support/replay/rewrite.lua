-- SPDX-License-Identifier: BSD-3-Clause
--
-- A captured request made anew for a live server: a fresh transaction identifier, REALM and NONCE of its challenges,
-- the token minted again under the keys we have, the integrity computed again. All else stays as it was: the order,
-- unknown attributes, and what is wrong.

local bytes = require "bytes"
local clock = require "clock"
local extract = require "support.replay.extract"
local stun = require "stun"
local token = require "token"

local rewrite = {}

local DEFAULT_LIFETIME <const> = 3600
local MAC_KEY <const> = 20 -- octets
local REMEMBERED <const> = 8192 -- tokens, twice; far more than clients hold at a time
local EDGE <const> = 10 -- seconds around its end within which the age of a token matters
local STALE <const> = 438
local NOBODYS_KEY <const> = "the key of nobody at all"

local USERNAME <const>, REALM <const>, NONCE <const> = 0x0006, 0x0014, 0x0015
local ACCESS_TOKEN <const> = 0x001B
local marks = extract.marks

-- The long-term key that a captured kid stands for at the live server: that of the same name, else the first one.
local function key_of(player, kid)
  local key = player.keys[kid]
  if not key then
    key = player.bench:key()
    for _, one in ipairs(player.bench:known().keys) do -- one that expires too
      if one.kid == kid then key = one end
    end
    player.keys[kid] = key
  end
  return key
end

local function seal(player, made, age)
  local key, now = made.key, clock.now()
  made.octets = assert(token.seal {
    algorithm = key.algorithm, key = key.octets, server_name = player.bench.server_name or "", mac_key = made.mac_key,
    lifetime = made.lifetime, nonce = made.nonce_length and bytes.random(made.nonce_length) or nil, extra = made.extra,
    timestamp = token.timestamp(math.max(0, now + player.bench.clock_offset - age)),
  })
  made.born = now - age
  return made
end

-- The token that stands for a captured one in the replay: as long-lived, as old and with as long a key. The same
-- captured token becomes the same live one, so that what was reused is reused; only one that would be of another worth
-- now than it was then, because the replay runs at another pace, is sealed again.
local function mint(player, kid, octets, step)
  local made = player.tokens[octets] or player.older_tokens[octets]
  local opened = step.token
  local age = opened and step.time / 1e9 - opened.timestamp or 0
  if made then
    local now = clock.now() - made.born
    local near = math.max(age, now) > made.lifetime - EDGE or math.min(age, now) < EDGE - made.lifetime
    if opened and math.abs(age - now) > 1 and near then return seal(player, made, age) end
    return made
  end
  local key = key_of(player, kid)
  made = seal(player, {
    key = key, kid = key.kid, mac_key = bytes.random(opened and opened.key_length or MAC_KEY),
    lifetime = opened and opened.lifetime or DEFAULT_LIFETIME,
    nonce_length = opened and opened.nonce_length ~= player:nonce_length(key) and opened.nonce_length or nil,
    extra = opened and opened.extra > 0 and bytes.random(opened.extra) or nil,
  }, age)
  if player.token_count >= REMEMBERED then
    player.older_tokens, player.tokens, player.token_count = player.tokens, {}, 0
  end
  player.tokens[octets], player.token_count = made, player.token_count + 1
  return made
end

-- Whether a request is signed with the key of the token before it, though that has no answer yet: the session's own key
-- did not verify, and the captured server let it in.
local function is_ahead(voice, step)
  return step.marks & marks.ahead ~= 0 and voice.offered and step.expected and step.expected.class == "success"
end

-- What a request without a token is signed with: USERNAME (nil: as it is), the key, and who holds it.
local function session_of(player, voice, name, ahead)
  local users, holder = player.users, ahead and voice.offered or voice.holder
  if holder and not (name and users[name]) then return holder.name, holder.key, holder end
  local user = name and users[name] and name
  local score = player.score
  if not user and name and score.accepted_users[name] and not score.accepted_kids[name] then
    user = player.first_user
  end
  if not user then return nil, NOBODYS_KEY end
  local key = stun.long_term_key(user, voice.realm or "", users[user])
  return user, key, { name = user, key = key }
end

-- Whether a name is to be taken for a kid, and not for a user. The capture does not tell where the target takes no
-- tokens: a server that looks at none accepts a password beside any.
local function is_kid(player, name)
  local keys = player.bench.profile.keys
  for _, key in ipairs(keys) do
    if key.kid == name then return true end
  end
  return #keys > 0 and player.score.accepted_kids[name] or false
end

-- The octets to send in place of a step of a flow, and who they speak for: { name =, key =, token = (octets, where it
-- is one) }, nil where they speak for nobody. nil, text when the captured request cannot be made anew.
-- voice: of the live flow: { realm =, nonce =, holder = (of the session), offered = (who brought the latest token) };
-- player: { bench =, score =, users = password by name, tokens =, ... }.
function rewrite.request(player, voice, step)
  local name, _, _, captured = stun.credentials(step.octets)
  local username, key, holder, presented = nil, "", nil, nil
  local ahead = is_ahead(voice, step)
  -- Somebody with a password may bring a token too, to see what becomes of it: the password signs, as it did.
  if captured and name and player.users[name] and not is_kid(player, name) then
    username, key, holder = session_of(player, voice, name, ahead)
  elseif captured and (#player.bench.profile.keys == 0 or player.score:keeps_token(step, name or "")) then
    key = NOBODYS_KEY -- it is worth nothing, as it was
  elseif captured and name then
    local made = mint(player, name, captured, step)
    username, key, presented = made.kid, player.bench:integrity_key(made.mac_key), made.octets
    holder = { name = username, key = key, token = presented }
    voice.offered = holder
  elseif step.marks & marks.signed ~= 0 then
    username, key, holder = session_of(player, voice, name, ahead)
  end
  local broken, broken_sha256 = player.score:breaks_integrity(step)
  if ahead then broken, broken_sha256 = false, false end
  local changes, found = player.changes, step.marks
  local stale = step.expected and step.expected.code == STALE or found & marks.made_up_nonce ~= 0
  changes[USERNAME] = (ahead or found & marks.other_name == 0) and username or nil
  changes[REALM] = found & marks.other_realm == 0 and voice.realm or nil
  changes[NONCE] = not stale and voice.nonce or nil -- one that the live server never gave is as bad as it was
  changes[ACCESS_TOKEN] = presented
  local octets, problem = stun.rewrite(step.octets, bytes.random(12), broken and NOBODYS_KEY or key, changes,
    broken_sha256 and NOBODYS_KEY or key)
  if not octets then return nil, problem end
  return octets, holder
end

return rewrite
