-- SPDX-License-Identifier: BSD-3-Clause
--
-- Access tokens (RFC 7635 6.2, 4.1) opened in plain Lua, for assay.lua beside it, with the ciphers of assay-crypto.lua:
-- it returns { open = …, keys = …, layout = … } and knows nothing of Wireshark. Like assay.lua it runs in Lua 5.2 and
-- 5.4.

local folder = debug.getinfo(1, "S").source:match "^@(.*[/\\])" or ""
local crypto = dofile(folder .. "assay-crypto.lua")
local hashes, hmac, number = crypto.hashes, crypto.hmac, crypto.number

local algorithms = {
  A256GCM = { key = 32, tag = 16 },
  A192GCM = { key = 24, tag = 16 },
  A128GCM = { key = 16, tag = 16 },
  ["A128CBC-HS256"] = { key = 32, tag = 16, hash = hashes.sha256 },
  ["A192CBC-HS384"] = { key = 48, tag = 24, hash = hashes.sha384 },
  ["A256CBC-HS512"] = { key = 64, tag = 32, hash = hashes.sha512 },
}

local function base64(text)
  local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  local body, padding = text:match "^([%w+/]*)(=*)$"
  if not body or #text % 4 ~= 0 or #padding > 2 then return nil end
  local list = {}
  for four in (body .. ("A"):rep(#padding)):gmatch "...." do
    local value = 0
    for i = 1, 4 do value = value * 64 + letters:find(four:sub(i, i), 1, true) - 1 end
    list[#list + 1] = string.char(math.floor(value / 65536), math.floor(value / 256) % 256, value % 256)
  end
  local octets = table.concat(list)
  return octets:sub(1, #octets - #padding)
end

-- Keys of lines KID:ALGORITHM:BASE64, empty ones and those that begin with # aside, by their kids; a list of what is
-- wrong with others, in which no key is quoted.
local function read_keys(text, source)
  local keys, wrong, number_of_line = {}, {}, 0
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do
    number_of_line = number_of_line + 1
    if line ~= "" and line:sub(1, 1) ~= "#" then
      local kid, name, encoded = line:match "^(.*):([^:]*):([^:]*)$"
      local octets, algorithm = encoded and base64(encoded), name and algorithms[name]
      local problem = not kid and "no KID:ALGORITHM:BASE64" or not algorithm and "unknown algorithm"
        or not octets and "the key is no base64"
        or #octets ~= algorithm.key and name .. " takes keys of " .. algorithm.key .. " octets, this has " .. #octets
      if problem then
        wrong[#wrong + 1] = source .. ", line " .. number_of_line .. ": " .. problem
      else
        keys[kid] = { kid = kid, name = name, algorithm = algorithm, octets = octets }
      end
    end
  end
  return keys, wrong
end

-- Where nonce, ciphertext and tag are; nil, the kind of failure, a sentence, and its offset in the token. The tag's
-- length is the algorithm's.
local function layout(token, tag_length, bare)
  local at, nonce_length = 0, 0
  if not bare then
    if #token < 2 then
      return nil, "truncated", "the token has " .. #token .. " octets, too few for nonce_length (2 octets)", 0
    end
    nonce_length, at = number(token, 1, 2), 2
    if nonce_length > #token - 2 then
      return nil, "truncated", ("nonce_length says %d octets, and %d are left in the token"):format(nonce_length,
        #token - 2), 0
    end
  end
  local left = #token - at - nonce_length
  if left < tag_length then
    return nil, "truncated", ("%d octets are left for ciphertext and tag, too few for a tag of %d octets"):format(left,
      tag_length), at + nonce_length
  end
  return { nonce = { at, nonce_length }, ciphertext = { at + nonce_length, left - tag_length },
    tag = { #token - tag_length, tag_length } }
end

local function part(token, place) return token:sub(place[1] + 1, place[1] + place[2]) end

-- Whether T is right is all there is to tell one form of a CBC token from another; their names are those of
-- `assay token open`.
local function open_cbc(key, name, token)
  local algorithm = key.algorithm
  local half = algorithm.key / 2
  local place, kind, text, offset = layout(token, algorithm.tag)
  local length = place and place.nonce[2]
  local bits_of_name = crypto.length_in_bits(#name)
  local zero = string.rep("\0", 16)
  local function fits(where, secret, ...)
    local size = where.ciphertext[2]
    if size == 0 or size % 16 ~= 0 then return nil end
    local mac = hmac(algorithm.hash, secret, table.concat { ... })
    return mac:sub(1, algorithm.tag) == part(token, where.tag)
  end
  local function plain(form, where, secret, vector)
    local block = crypto.decrypt_cbc(secret, vector, part(token, where.ciphertext))
    local padding = block:byte(-1)
    if padding == 0 or padding > 16 or block:sub(-padding) ~= string.char(padding):rep(padding) then
      return nil, "malformed", "T fits, but the last block does not end in PKCS #7 padding", where.tag[1] - 16
    end
    return block:sub(1, -padding - 1), form, where
  end
  if place and (length == 0 or length == 16) then
    local s = part(token, place.ciphertext)
    local authentication, encryption = key.octets:sub(1, half), key.octets:sub(half + 1)
    local nonce = part(token, place.nonce)
    local whole = fits(place, authentication, name, s, bits_of_name)
    if whole then return plain(length == 0 and "F1" or "F3-bare", place, encryption, length == 0 and zero or nonce) end
    if fits(place, authentication, name, length == 0 and zero or nonce, s, bits_of_name) then
      return plain(length == 0 and "F2" or "F3", place, encryption, length == 0 and zero or nonce)
    end
    kind, text, offset = "not-authentic", "T does not fit: another key, another server name, or altered octets",
      place.tag[1]
    if whole == nil then
      kind, offset = "malformed", place.ciphertext[1]
      text = ("%d octets of ciphertext in front of T; expected 16 or a multiple of it"):format(place.ciphertext[2])
    end
  elseif place then
    kind, text, offset = "malformed", ("nonce_length says %d octets; expected 0 or 16 (the vector)"):format(length), 0
  end
  local bare = layout(token, algorithm.tag, true)
  if bare and fits(bare, "", "") ~= nil then -- drafts: no nonce_length, keys from HKDF (RFC 5869)
    local function derive(size)
      local prk = hmac(algorithm.hash, string.rep("\0", algorithm.hash.size), key.octets)
      return hmac(algorithm.hash, prk, "\1"):sub(1, size)
    end
    local secret = derive(half) -- both halves are the same
    if fits(bare, secret, part(token, bare.ciphertext), name) then return plain("F4", bare, secret, zero) end
  end
  return nil, kind, text, offset
end

-- Opens a token: form, layout, key_length, mac_key, seconds and fraction of timestamp, the upper and lower half of
-- timestamp, lifetime, extra. Else nil, the kind of failure as vectors/tokens.json has it, a sentence, and its offset.
local function open(key, name, token)
  local block, form, place, offset
  if key.algorithm.hash then
    block, form, place, offset = open_cbc(key, name, token)
    if not block then return nil, form, place, offset end
  else
    local kind, text
    place, kind, text, offset = layout(token, key.algorithm.tag)
    if not place then return nil, kind, text, offset end
    if place.nonce[2] == 0 then return nil, "malformed", "the nonce is empty; GCM takes one octet at least", 0 end
    form = "GCM"
    block = crypto.open_gcm(key, part(token, place.nonce), name, part(token, place.ciphertext), part(token, place.tag))
    if not block then
      return nil, "not-authentic", "the tag does not fit: another key, another server name, or altered octets",
        place.tag[1]
    end
  end
  local start_of_block = place.ciphertext[1]
  if #block < 2 then
    return nil, "truncated", "the encrypted block has " .. #block .. " octets, too few for key_length (2 octets)",
      start_of_block
  end
  local key_length = number(block, 1, 2)
  if key_length > #block - 2 then
    return nil, "truncated", ("key_length says %d octets of mac_key, and %d are left in the encrypted block"):format(
      key_length, #block - 2), start_of_block
  end
  if #block - 2 - key_length < 12 then
    return nil, "truncated", ("behind a mac_key of %d octets %d are left in the encrypted block, too few for timestamp "
      .. "and lifetime (12 octets)"):format(key_length, #block - 2 - key_length), start_of_block + 2 + key_length
  end
  local at = key_length + 3
  return { form = form, layout = place, key_length = key_length, mac_key = block:sub(3, at - 1),
    upper = number(block, at, 4), lower = number(block, at + 4, 4), seconds = number(block, at, 6),
    fraction = number(block, at + 6, 2), lifetime = number(block, at + 8, 4), extra = block:sub(at + 12) }
end

return { open = open, keys = read_keys, layout = layout }
