-- SPDX-License-Identifier: BSD-3-Clause
--
-- A companion to Wireshark's STUN dissector (4.0 and later): the insides of ACCESS-TOKEN and THIRD-PARTY-AUTHORIZATION
-- (RFC 7635 6.1 and 6.2), tokens opened with the keys that its preferences name. It goes to the folder of personal Lua
-- plugins together with assay-token.lua and assay-crypto.lua, which stand beside it, or it is named with
-- -X lua_script:assay.lua. docs/wireshark.md tells how.

local folder = debug.getinfo(1, "S").source:match "^@(.*[/\\])" or ""
local token_module = dofile(folder .. "assay-token.lua")
local band = (bit32 or load "return { band = function(a, b) return a & b end }" ()).band

local assay = Proto("assay", "STUN third-party authorization (RFC 7635)")
local f = {
  token = ProtoField.bytes("assay.token", "Access token"),
  kid = ProtoField.string("assay.token.kid", "kid", base.UNICODE),
  algorithm = ProtoField.string("assay.token.algorithm", "Algorithm"),
  form = ProtoField.string("assay.token.form", "Form"),
  nonce_length = ProtoField.uint16("assay.token.nonce_length", "nonce_length"),
  nonce = ProtoField.bytes("assay.token.nonce", "nonce"),
  sealed = ProtoField.bytes("assay.token.sealed", "Encrypted block and tag"),
  ciphertext = ProtoField.bytes("assay.token.ciphertext", "Encrypted block"),
  tag = ProtoField.bytes("assay.token.tag", "Tag"),
  opened = ProtoField.bool("assay.token.opened", "Opened"),
  server_name_used = ProtoField.string("assay.token.server_name", "Sealed for", base.UNICODE),
  key_length = ProtoField.uint16("assay.token.key_length", "key_length"),
  mac_key = ProtoField.string("assay.token.mac_key", "mac_key"),
  timestamp = ProtoField.uint64("assay.token.timestamp", "timestamp"),
  issued = ProtoField.absolute_time("assay.token.issued", "Issued", base.UTC),
  fraction = ProtoField.uint16("assay.token.fraction", "Fraction (1/64000 s)"),
  lifetime = ProtoField.uint32("assay.token.lifetime", "lifetime"),
  expires = ProtoField.absolute_time("assay.token.expires", "Expires", base.UTC),
  age = ProtoField.double("assay.token.age", "Age at this frame"),
  left = ProtoField.double("assay.token.left", "Seconds left at this frame"),
  extra = ProtoField.string("assay.token.extra", "Octets behind lifetime"),
  error = ProtoField.string("assay.token.error", "Not opened"),
  server_name = ProtoField.string("assay.server_name", "Server name", base.UNICODE),
}
assay.fields = f
local x = {
  closed = ProtoExpert.new("assay.token.not_opened", "the token was not opened", expert.group.DECRYPTION,
    expert.severity.NOTE),
  broken = ProtoExpert.new("assay.token.malformed", "the token is broken", expert.group.MALFORMED,
    expert.severity.ERROR),
  expired = ProtoExpert.new("assay.token.expired", "the token had expired at this frame (Delta of 5 s passed too)",
    expert.group.SECURITY, expert.severity.WARN),
  odd = ProtoExpert.new("assay.token.odd", "RFC 7635 has it otherwise", expert.group.PROTOCOL, expert.severity.WARN),
}
assay.experts = x
assay.prefs.key_file = Pref.string("File of keys", "", "Long-term keys, a line each: KID:ALGORITHM:BASE64")
assay.prefs.key = Pref.string("Key", "", "One more key: KID:ALGORITHM:BASE64")
assay.prefs.server_name = Pref.string("Server name", "",
  "What tokens are sealed for. Empty: what the server's 401 said, earlier in the capture")
assay.prefs.show_mac_key = Pref.bool("Show mac_key", false, "It is a secret: whoever has it can speak as the client")

local keys, wrong_keys = {}, {}
local names = {} -- by the server's address and port: what its 401 said
local stun_type = Field.new("stun.type")

local function load_keys()
  keys, wrong_keys = {}, {}
  local function take(text, source)
    local found, wrong = token_module.keys(text, source)
    for kid, key in pairs(found) do keys[kid] = key end
    for _, line in ipairs(wrong) do wrong_keys[#wrong_keys + 1] = line end
  end
  local path = assay.prefs.key_file
  if path ~= "" then
    local file, reason = io.open(path, "r")
    if file then
      take(file:read "*a" or "", path)
      file:close()
    else
      wrong_keys[1] = "the file of keys cannot be read: " .. reason
    end
  end
  if assay.prefs.key ~= "" then take(assay.prefs.key, "the preference assay.key") end
end

local function whoever(address, port) return tostring(address) .. " " .. tostring(port) end

local function hex(octets)
  return (octets:gsub(".", function(octet) return ("%02x"):format(octet:byte()) end))
end

-- Where values are computed and not in the packet, they stand for the octets that they came out of.
local function show_opened(tree, range, opened, key, name, now)
  tree:add(f.server_name_used, range, name):set_generated()
  tree:add(f.form, range, opened.form):set_generated()
  local sealed = range(opened.layout.ciphertext[1], opened.layout.ciphertext[2])
  local length = tree:add(f.key_length, sealed, opened.key_length)
  length:set_generated()
  if opened.key_length ~= 20 then length:add_proto_expert_info(x.odd, "20 octets are what all have to support") end
  local shown = assay.prefs.show_mac_key and hex(opened.mac_key) or "(hidden: preference \"Show mac_key\")"
  tree:add(f.mac_key, sealed, shown):set_generated()
  tree:add(f.timestamp, sealed, UInt64.new(opened.lower, opened.upper)):set_generated()
  -- A fraction is up to 65535 on the wire, and means something up to 63999.
  local nanoseconds = math.floor(math.min(opened.fraction, 63999) * 15625)
  tree:add(f.issued, sealed, NSTime.new(opened.seconds, nanoseconds)):set_generated()
  local fraction = tree:add(f.fraction, sealed, opened.fraction)
  fraction:set_generated()
  if opened.fraction > 63999 then fraction:add_proto_expert_info(x.odd, "it counts 1/64000 s: 63999 at most") end
  local lifetime = tree:add(f.lifetime, sealed, opened.lifetime)
  lifetime:append_text " s"
  lifetime:set_generated()
  if opened.lifetime == 0 then lifetime:add_proto_expert_info(x.odd, "a lifetime of 0 is not unlimited") end
  tree:add(f.expires, sealed, NSTime.new(opened.seconds + opened.lifetime, nanoseconds)):set_generated()
  local issued = opened.seconds + opened.fraction / 64000
  tree:add(f.age, sealed, now - issued):set_generated()
  local left = tree:add(f.left, sealed, issued + opened.lifetime - now)
  left:set_generated()
  if now >= issued + opened.lifetime + 5 then left:add_proto_expert_info(x.expired) end
  if #opened.extra > 0 then
    local extra = tree:add(f.extra, sealed, hex(opened.extra))
    extra:set_generated()
    extra:add_proto_expert_info(x.odd, "figure 4 ends with lifetime")
  end
  tree:append_text((", %s, lifetime %d s, %.3f s left"):format(key.name, opened.lifetime,
    issued + opened.lifetime - now))
end

local function show_token(tree, range, empty, kid, name, now)
  local branch = tree:add(f.token, range)
  local octets = empty and "" or range:raw()
  branch:set_text("ACCESS-TOKEN, " .. #octets .. " octets")
  local key = kid and keys[kid]
  local opened, kind, reason
  if key and name then
    opened, kind, reason = token_module.open(key, name, octets)
  elseif wrong_keys[1] and not key then
    reason = wrong_keys[1]
  elseif not next(keys) then
    reason = "no keys: set the preference assay.key_file"
  elseif not kid then
    reason = "no USERNAME, so no kid"
  elseif not key then
    reason = "there is no key of that kid"
  else
    reason = "the server name is not known: set the preference assay.server_name"
  end
  if kid then branch:add(f.kid, kid):set_generated() end
  if key then branch:add(f.algorithm, key.name):set_generated() end

  -- Without a key the length of the tag is not known, except that 12 octets of nonce are GCM's.
  local place = opened and opened.layout
  if not place then
    local nonce_length = #octets >= 2 and octets:byte(1) * 256 + octets:byte(2)
    local tag = key and key.algorithm.tag or nonce_length == 12 and 16
    local why, sentence
    place, why, sentence = token_module.layout(octets, tag or 0)
    if not place then kind, reason = why, sentence end
    if place and not tag then place.sealed = place.ciphertext end
  end
  if not opened or opened.form ~= "F4" then
    if #octets >= 2 then branch:add(f.nonce_length, range(0, 2)) end
  end
  local function piece(field, where)
    if where and where[2] > 0 then branch:add(field, range(where[1], where[2])) end
  end
  if place then
    piece(f.nonce, place.nonce)
    if place.sealed then
      piece(f.sealed, place.sealed)
    else
      piece(f.ciphertext, place.ciphertext)
      piece(f.tag, place.tag)
    end
  end
  branch:add(f.opened, range, opened ~= nil):set_generated()
  if opened then
    show_opened(branch, range, opened, key, name, now)
  else
    branch:append_text(", not opened")
    local item = branch:add(f.error, range, reason)
    item:set_generated()
    local broken = kind and kind ~= "not-authentic"
    item:add_proto_expert_info(broken and x.broken or x.closed, reason)
  end
end

-- One STUN message that Wireshark has found: its attributes, as far as they are whole.
local function read_message(source, start)
  if source:len() - start < 20 then return nil end
  local class = band(source(start, 2):uint(), 0x0110)
  local finish = math.min(start + 20 + source(start + 2, 2):uint(), source:len())
  local kid, tokens, name
  local at = start + 20
  while finish - at >= 4 do
    local kind, length = source(at, 2):uint(), source(at + 2, 2):uint()
    if length > finish - at - 4 then break end
    local value = length > 0 and source(at + 4, length)
    if kind == 0x0006 and not kid then
      kid = value and value:raw() or ""
    elseif kind == 0x001b then
      tokens = tokens or {}
      tokens[#tokens + 1] = { value or source(at + 2, 2), not value } -- an empty one is shown where its length is
    elseif kind == 0x802e and not name then
      name = value or false
    elseif kind == 0x0008 then
      break -- what stands behind MESSAGE-INTEGRITY does not count
    end
    at = at + 4 + length + -length % 4
  end
  if not tokens and name == nil then return nil end
  return { class = class, kid = kid, tokens = tokens or {}, name = name }
end

function assay.dissector(_, pinfo, tree)
  local root
  for _, field in ipairs { stun_type() } do
    local source, start = field.source, field.offset
    local message = read_message(source, start)
    if message then
      root = root or tree:add(assay, source(start, 20))
      local answer = message.class >= 0x0100
      local server = answer and whoever(pinfo.src, pinfo.src_port) or whoever(pinfo.dst, pinfo.dst_port)
      if message.name ~= nil then
        local said = message.name and message.name:raw() or ""
        local item = message.name and root:add(f.server_name, message.name) or root:add(f.server_name, "")
        item:append_text " (THIRD-PARTY-AUTHORIZATION)"
        if message.class == 0x0110 then names[server] = said end
      end
      local sealed_for = assay.prefs.server_name ~= "" and assay.prefs.server_name or names[server]
      for _, token in ipairs(message.tokens) do
        show_token(root, token[1], token[2], message.kid, sealed_for, pinfo.abs_ts)
      end
    end
  end
end

function assay.prefs_changed() load_keys() end

function assay.init()
  names = {}
  load_keys()
end

register_postdissector(assay)
