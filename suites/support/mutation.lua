-- SPDX-License-Identifier: BSD-3-Clause
--
-- Lists of malformed messages, as descriptions (support/malformed.lua), each in a fixed order; what is left to chance
-- comes from a seed.

local chance = require "support.chance"
local malformed = require "support.malformed"
local stun = require "stun"

local mutation = {}

local DATAGRAM <const>, MESSAGE <const> = 65507, 65552 -- octets of the largest datagram over IPv4, and of a message

local every = { "binding", "challenge", "send", "allocate", "refresh", "permission", "channel" }

-- What stands where in the correct message of a base: { length =, attributes = as message:attributes() }.
local function layout_of(name, session)
  local octets = assert(malformed.render({ base = name }, session))
  local parsed = assert(stun.parse(octets))
  return { length = #octets, attributes = parsed:attributes() }
end

local function add(list, class, base, what, edits, more)
  local one = { class = class, base = base, what = what, edits = edits }
  for field, value in pairs(more or {}) do one[field] = value end
  list[#list + 1] = one
end

local function each_base(names, session, visit)
  for _, name in ipairs(names) do visit(name, layout_of(name, session)) end
end

local function number_list(...)
  local seen, list = {}, {}
  for _, n in ipairs { ... } do
    if n >= 0 and n <= 0xFFFF and not seen[n] then
      seen[n] = true
      list[#list + 1] = n
    end
  end
  return list
end

-- The length field of the header at every boundary.
function mutation.header_lengths(session)
  local list = {}
  each_base(every, session, function(base, layout)
    local right = layout.length - 20
    for _, n in ipairs(number_list(0, 1, 2, 3, 4, 8, 20, right - 4, right - 1, right + 1, right + 2, right + 4,
      right + 8, 255, 256, 1024, 0x7FFF, 0x8000, 0xFFFC, 0xFFFF)) do
      if n ~= right then
        add(list, "header length", base, ("%s whose header length says %d, not %d"):format(base, n, right),
          { { "header-length", n } })
      end
    end
  end)
  return list
end

-- Cut off behind every octet, the header left as it was and made to fit what is left.
function mutation.truncations(session)
  local list = {}
  each_base(every, session, function(base, layout)
    for n = 0, layout.length - 1 do
      add(list, "truncation", base, ("%s cut off after %d of %d octets"):format(base, n, layout.length),
        { { "truncate", n } })
      if n > 20 then
        add(list, "truncation with a fitting header", base,
          ("%s cut off after %d of %d octets, as its header says"):format(base, n, layout.length),
          { { "header-length", n - 20 }, { "truncate", n } })
      end
    end
  end)
  return list
end

-- The length field of each attribute at every boundary, below a right integrity value and in a message signed before.
function mutation.attribute_lengths(session)
  local list = {}
  each_base(every, session, function(base, layout)
    for _, attribute in ipairs(layout.attributes) do
      local right, rest = attribute.length, layout.length - attribute.offset - 4
      for _, n in ipairs(number_list(0, 1, 2, 3, 4, right - 4, right - 1, right + 1, right + 4, rest - 1, rest,
        rest + 1, rest + 4, 255, 256, 257, 508, 513, 763, 0x7FFF, 0x8000, 0xFFFC, 0xFFFD, 0xFFFF)) do
        if n ~= right then
          local what = ("%s whose %s says %d octets, not %d"):format(base, attribute.name, n, right)
          add(list, "attribute length", base, what, { { "length", attribute.name, n } })
          add(list, "attribute length", base, what .. ", changed after signing",
            { { "overwrite", attribute.offset + 2, string.pack(">I2", n) } })
        end
      end
    end
  end)
  return list
end

-- Each attribute absent, empty, doubled, out of order, and of sizes up to the largest that a datagram holds.
function mutation.presence(session)
  local list = {}
  each_base(every, session, function(base, layout)
    for i, attribute in ipairs(layout.attributes) do
      local name = attribute.name
      local function one(class, what, ...)
        add(list, class, base, ("%s with %s %s"):format(base, name, what), { ... })
      end
      one("attribute absent", "left out", { "remove", name })
      one("attribute doubled", "doubled", { "duplicate", name })
      if name ~= "MESSAGE-INTEGRITY" then
        one("attribute doubled", "doubled, the second one empty", { "duplicate", name, "" })
        one("attribute doubled", "doubled, the second one of 600 octets", { "duplicate", name, ("x"):rep(600) })
      end
      one("attribute moved", "at the end", { "move", name })
      for j, other in ipairs(layout.attributes) do
        if i ~= j then one("attribute moved", "before " .. other.name, { "move", name, before = other.name }) end
      end
      for _, n in ipairs { 0, 1, 2, 3, 4, 5, 7, 8, 16, 19, 21, 128, 256, 508, 509, 512, 513, 763, 764, 1024, 1500, 2048,
        4096, 8192, 16384, 32768, 60000, (DATAGRAM - layout.length + attribute.length) & ~3 } do
        one("attribute size", ("of %d octets"):format(n), { "replace", name, ("x"):rep(n) })
      end
    end
  end)
  return list
end

-- Every attribute that STUN knows, with values of sizes that it does not have.
function mutation.foreign_attributes(session)
  local list = {}
  each_base(every, session, function(base)
    for _, known in ipairs(stun.attributes()) do
      for _, n in ipairs { 0, 1, 3, 4, 7, 8, 20, 33, 300 } do
        local value = ("\xFF"):rep(n)
        local place = malformed.bases[base].bare and {} or { before = "MESSAGE-INTEGRITY" }
        add(list, "attribute out of place", base, ("%s with a further %s of %d octets"):format(base, known.name, n),
          { { "insert", { known.type, value }, before = place.before } })
      end
    end
  end)
  return list
end

-- Each octet of a message at values where numbers turn. What stands there already is known in a session only, and
-- cannot be made then: the list is the same for each.
function mutation.octets(session)
  local list = {}
  each_base(every, session, function(base, layout)
    for position = 0, layout.length - 1 do
      for _, value in ipairs { 0x00, 0x01, 0x7F, 0x80, 0xFF } do
        add(list, "changed octet", base, ("%s with octet %d changed to 0x%02X"):format(base, position, value),
          { { "overwrite", position, string.char(value) } })
      end
    end
  end)
  return list
end

-- Every pair of first octets that another protocol on the port could begin with, or a method that nobody knows.
function mutation.first_octets(session)
  local list = {}
  each_base({ "binding", "challenge" }, session, function(base)
    for first = 0, 255 do
      for _, second in ipairs { 0x00, 0x01, 0x03, 0x10, 0x11, 0x13, 0xFF } do
        add(list, "first octets", base, ("%s that begins with 0x%02X 0x%02X"):format(base, first, second),
          { { "overwrite", 0, string.char(first, second) } })
      end
    end
  end)
  return list
end

-- The fields inside a token that is sealed as it should be, so that its tag verifies.
function mutation.sealed_fields(kids)
  local list = {}
  local function one(base, kid, what, spec)
    spec.kid = kid
    add(list, what:match "^[%l_]+" .. " in a sealed token", base,
      ("%s, a sealed token (%s) with %s"):format(base, kid, what), nil, { token = spec })
  end
  for _, kid in ipairs(kids) do
    for _, base in ipairs { "allocate", "refresh" } do
      for _, n in ipairs { 0, 1, 15, 16, 19, 21, 31, 32, 33, 34, 35, 36, 64, 127, 128, 255, 256, 257, 0x1400, 0x7FFF,
        0x8000, 0xFFFE, 0xFFFF } do
        one(base, kid, ("key_length %d"):format(n), { key_length = n })
      end
      for _, n in ipairs { 0, 1, 2, 15, 16, 31, 32, 33, 63, 64, 65, 128, 129, 255, 256, 257, 1000, 4000, 30000 } do
        one(base, kid, ("mac_key of %d octets"):format(n), { mac_key_size = n })
      end
      for n = 0, 34 do one(base, kid, ("block of %d octets"):format(n), { block_size = n }) end
      for _, n in ipairs { 1, 4, 12, 256, 1000, 30000 } do
        one(base, kid, ("extra %d octets in its block"):format(n), { extra_size = n })
      end
      for _, n in ipairs { 0, 1, 8, 11, 13, 16, 64, 255, 256, 257, 300, 512, 1024 } do
        one(base, kid, ("nonce of %d octets"):format(n), { nonce_size = n })
      end
      for _, n in ipairs { 0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF } do
        one(base, kid, ("lifetime %d"):format(n), { lifetime = n })
      end
      for _, n in ipairs { 0, 1, math.mininteger, math.maxinteger, -1 } do
        one(base, kid, ("timestamp 0x%X"):format(n), { timestamp = n })
      end
      for n = 0, 15 do one(base, kid, ("tag of %d octets"):format(n), { tag_length = n }) end
    end
  end
  return list
end

-- The outside of a token: nonce_length, its end, its size, each octet.
function mutation.token_structure(session, kids)
  local list = {}
  for _, kid in ipairs(kids) do
    local length = #session.mint({}, kid).octets
    for _, base in ipairs { "allocate", "refresh" } do
      local function one(class, what, spec)
        spec.kid = kid
        add(list, class, base, ("%s, a token (%s) %s"):format(base, kid, what), nil, { token = spec })
      end
      for _, n in ipairs(number_list(0, 1, 2, 8, 11, 13, 16, length - 19, length - 18, length - 3, length - 2,
        length - 1, length, 127, 128, 255, 256, 257, 258, 300, 512, 1024, 2048, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)) do
        one("nonce_length", ("whose nonce_length says %d"):format(n), { overwrite = { 0, string.pack(">I2", n) } })
        -- Long enough to hold such a nonce, so that a length that is checked against the value alone is followed.
        one("nonce_length", ("whose nonce_length says %d, and 1200 octets behind it"):format(n),
          { overwrite = { 0, string.pack(">I2", n) }, append = 1200 })
      end
      for n = 0, length - 1 do
        one("truncated token", ("cut off after %d of %d octets"):format(n, length), { keep = n })
      end
      for _, n in ipairs { 1, 2, 3, 4, 16, 256, 1000, 1400, 8000, 60000 } do
        one("long token", ("with %d octets behind it"):format(n), { append = n })
      end
      for position = 0, length - 1 do
        for _, value in ipairs { 0x00, 0x7F, 0x80, 0xFF } do
          one("changed token", ("with octet %d changed to 0x%02X"):format(position, value),
            { overwrite = { position, string.char(value) } })
        end
      end
    end
  end
  return list
end

-- Messages of nearly 64 kB, which only a stream can carry whole.
function mutation.large(session)
  local list = {}
  each_base({ "binding", "challenge", "allocate", "refresh" }, session, function(base, layout)
    local bare = malformed.bases[base].bare
    local place = bare and {} or { before = "MESSAGE-INTEGRITY" }
    local function insert(n, type)
      return { "insert", { type, ("\0"):rep(n) }, before = place.before }
    end
    for _, n in ipairs { 2000, 4096, 16384, 32768, 60000, 65535 - layout.length - 8 } do
      for _, type in ipairs { 0x8022, 0x7F00, 0x0006, 0x001B } do
        add(list, "large message", base, ("%s with a further attribute 0x%04X of %d octets"):format(base, type, n),
          { insert(n, type) })
      end
    end
    for _, attribute in ipairs(layout.attributes) do
      local n = (MESSAGE - layout.length + attribute.length) & ~3
      add(list, "large message", base, ("%s with %s of %d octets"):format(base, attribute.name, n),
        { { "replace", attribute.name, ("x"):rep(n) } })
    end
    local many = {}
    for i = 1, (65000 - layout.length) // 4 do many[i] = "\x7F\x00\0\0" end
    if bare then
      add(list, "many attributes", base, ("%s with %d empty attributes"):format(base, #many),
        { { "header-length", #many * 4 + layout.length - 20 }, { "append", table.concat(many) } })
    end
  end)
  return list
end

-- ChannelData whose length is wrong, that is cut off, or that nobody has bound, beside a channel that is bound.
function mutation.channel_data()
  local list, data = {}, ("assay"):rep(20)
  local function one(class, what, octets)
    list[#list + 1] = { class = class, octets = octets, bound = true, what = "ChannelData " .. what }
  end
  for _, channel in ipairs { 0x4000, 0x4001, 0x4FFF, 0x5000, 0x7FFE, 0x7FFF } do
    for _, n in ipairs { 0, 1, 2, 3, 4, #data - 4, #data - 1, #data + 1, #data + 4, 255, 256, 1500, 0x7FFF, 0x8000,
      0xFFFC, 0xFFFF } do
      one("channel length", ("on 0x%04X that says %d octets and has %d"):format(channel, n, #data),
        string.pack(">I2I2", channel, n) .. data)
      one("channel length", ("on 0x%04X that says %d octets and has none"):format(channel, n),
        string.pack(">I2I2", channel, n))
    end
    for n = 1, 3 do
      one("cut channel data", ("on 0x%04X cut off after %d octets"):format(channel, n),
        string.pack(">I2I2", channel, 4):sub(1, n))
    end
    one("large channel data", ("on 0x%04X of the largest size"):format(channel),
      string.pack(">I2s2", channel, ("x"):rep(65500)))
  end
  return list
end

-- Octets that are no STUN message: of every length up to 64 and some above, of all kinds of beginnings.
function mutation.garbage(seed, count)
  local list, next_number = {}, chance.generator(seed)
  local lengths = { 100, 255, 256, 257, 511, 512, 1024, 1472, 1500, 4096, 9000, 30000, 65507 }
  local starts = { "", "\x40\x00\xFF\xFF", "\x40\x00\x00\x01", "\x7F\xFF\x00\x00", "\x4F", "\x16\x03\x01\xFF\xFF",
    "\x14\xFE\xFD", "GET / HTTP/1.1\r\n", "\x00\x01\xFF\xFC\x21\x12\xA4\x42", "\x00\x03\x00\x08\x21\x12\xA4\x42",
    "\x80\x00", "\xFF\xFF\xFF\xFF" }
  for i = 1, count do
    local start = starts[(i - 1) % #starts + 1]
    local n = i % 200 == 0 and lengths[next_number(#lengths)] or next_number(65) - 1
    local octets = (start .. chance.octets(next_number, n)):sub(1, 65507)
    list[i] = { class = "garbage", octets = octets, what = ("%d octets that are no message"):format(#octets) }
  end
  return list
end

-- `count` combinations of two or three defects of the lists, of one base each, chosen by the seed.
function mutation.combinations(lists, seed, count)
  local by_base, names, next_number = {}, {}, chance.generator(seed)
  for _, list in ipairs(lists) do
    for _, one in ipairs(list) do
      if one.base then
        if not by_base[one.base] then
          by_base[one.base] = {}
          names[#names + 1] = one.base
        end
        table.insert(by_base[one.base], one)
      end
    end
  end
  local result = {}
  for i = 1, count do
    local pool = by_base[names[next_number(#names)]]
    local edits, what, token_spec = {}, {}, nil
    for _ = 1, 1 + next_number(2) do
      local part = pool[next_number(#pool)]
      for _, edit in ipairs(part.edits or {}) do edits[#edits + 1] = edit end
      token_spec = part.token or token_spec
      what[#what + 1] = part.what
    end
    result[i] = {
      class = "combination", base = pool[1].base, edits = edits, token = token_spec,
      what = table.concat(what, "; and "),
    }
  end
  return result
end

-- At most `count` messages of a list, evenly spread over it.
function mutation.spread(whole, count)
  local share, step = {}, math.max(#whole / count, 1)
  for i = 0, math.min(count, #whole) - 1 do share[i + 1] = whole[math.floor(i * step) + 1] end
  return share
end

-- A share of the lists, at most `count` messages, evenly spread; for where each message costs much.
function mutation.share(session, seed, count)
  local whole = {}
  for _, list in ipairs {
    mutation.header_lengths(session), mutation.truncations(session), mutation.attribute_lengths(session),
    mutation.presence(session), mutation.foreign_attributes(session), mutation.octets(session),
    mutation.first_octets(session), mutation.garbage(seed, 1000),
  } do
    table.move(list, 1, #list, #whole + 1, whole)
  end
  return mutation.spread(whole, count)
end

return mutation
