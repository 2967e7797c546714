-- SPDX-License-Identifier: BSD-3-Clause
--
-- Records and ClientHellos of TLS and DTLS, right ones and such as nobody should believe (RFC 5246, 6347, 8446). It
-- knows octets and no sockets. Nothing in them is secret, so what is random to the peer is fixed here.

local handshake = {}

local ALERT <const>, HANDSHAKE <const>, CHANGE <const>, DATA <const> = 21, 22, 20, 23
handshake.ALERT, handshake.HANDSHAKE, handshake.CHANGE, handshake.DATA = ALERT, HANDSHAKE, CHANGE, DATA

local RANDOM <const> = ("assay"):rep(7):sub(1, 32)
local POINT <const> = "\9" .. ("\0"):rep(31) -- of X25519: its base point

-- Builds octets and notes where each length field stands: { name =, offset =, size =, value = }.
local builder = {}
builder.__index = builder

local function new_builder() return setmetatable({ parts = {}, length = 0, fields = {} }, builder) end

function builder:add(octets)
  self.parts[#self.parts + 1] = octets
  self.length = self.length + #octets
end

-- What write() adds, behind its length in so many octets.
function builder:sized(name, size, write)
  local place, offset = #self.parts + 1, self.length
  self:add(("\0"):rep(size))
  write()
  local value = self.length - offset - size
  self.parts[place] = string.pack(">I" .. size, value)
  self.fields[#self.fields + 1] = { name = name, offset = offset, size = size, value = value }
end

function builder:octets() return table.concat(self.parts) end

-- One extension whose content is a list with a length of its own.
local function extension(b, name, type, size, content)
  b:add(string.pack(">I2", type))
  b:sized(name, 2, function()
    b:sized(name .. " list", size, function() b:add(content) end)
  end)
end

local function key_share(b)
  b:add "\x00\x33"
  b:sized("key_share", 2, function()
    b:sized("key_share list", 2, function()
      b:add "\x00\x1D"
      b:sized("key_share point", 2, function() b:add(POINT) end)
    end)
  end)
end

local function server_name(b)
  b:add "\x00\x00"
  b:sized("server_name", 2, function()
    b:sized("server_name list", 2, function()
      b:add "\0"
      b:sized("server_name host", 2, function() b:add "turn.example.org" end)
    end)
  end)
end

local function extensions(b, newest)
  server_name(b)
  extension(b, "supported_groups", 10, 2, "\x00\x1D\x00\x17\x00\x18")
  extension(b, "ec_point_formats", 11, 1, "\0")
  extension(b, "signature_algorithms", 13, 2, "\x04\x03\x08\x04\x04\x01\x05\x03\x08\x05\x05\x01\x08\x06\x06\x01")
  extension(b, "protocols", 16, 2, "\9stun.turn\11stun.nat-discovery")
  if newest then
    extension(b, "supported_versions", 43, 1, "\x03\x04\x03\x03")
    key_share(b)
  end
end

-- The body of a ClientHello. newest: TLS 1.3 is offered; cookie: octets, for DTLS.
local function hello_body(b, version, newest, cookie)
  b:add(version .. RANDOM)
  b:sized("session_id", 1, function() b:add(("\x5A"):rep(32)) end)
  if cookie then b:sized("cookie", 1, function() b:add(cookie) end) end
  b:sized("cipher_suites", 2, function()
    b:add((newest and "\x13\x01\x13\x02\x13\x03" or "") .. "\xC0\x2B\xC0\x2C\xC0\x2F\xC0\x30\x00\x9C\x00\x9D\x00\x2F")
  end)
  b:sized("compression_methods", 1, function() b:add "\0" end)
  b:sized("extensions", 2, function() extensions(b, newest) end)
end

function handshake.record(type, content, version)
  return string.pack(">Bc2s2", type, version or "\x03\x03", content)
end

-- A right ClientHello of TLS 1.2 or, newest, 1.3. Returns octets and its length fields.
function handshake.tls_hello(newest)
  local b = new_builder()
  b:add "\x16\x03\x01"
  b:sized("record", 2, function()
    b:add "\1"
    b:sized("handshake", 3, function() hello_body(b, "\x03\x03", newest) end)
  end)
  return b:octets(), b.fields
end

-- A DTLS record.
function handshake.dtls_record(type, content, epoch, sequence, version)
  return string.pack(">Bc2I2I6s2", type, version or "\xFE\xFD", epoch or 0, sequence or 0, content)
end

-- Where the fields of a ClientHello of DTLS stand in its record.
handshake.DTLS = { epoch = 3, sequence = 5, message_sequence = 17, fragment_offset = 19, fragment_length = 22 }

-- A right ClientHello of DTLS 1.2, number `sequence` of its client, with this cookie. Returns octets and length fields.
function handshake.dtls_hello(cookie, sequence)
  local b = new_builder()
  b:add("\x16\xFE\xFF\0\0" .. string.pack(">I6", sequence or 0))
  b:sized("record", 2, function()
    b:add "\1"
    -- The length of the whole message and that of this fragment are the same.
    local inner = new_builder()
    hello_body(inner, "\xFE\xFD", false, cookie or "")
    b.fields[#b.fields + 1] = { name = "handshake", offset = b.length, size = 3, value = inner.length }
    b:add(string.pack(">I3I2I3I3", inner.length, sequence or 0, 0, inner.length))
    for _, field in ipairs(inner.fields) do
      field.offset = field.offset + b.length
      b.fields[#b.fields + 1] = field
    end
    b.fields[#b.fields + 1] = {
      name = "fragment", offset = handshake.DTLS.fragment_length, size = 3, value = inner.length,
    }
    b:add(inner:octets())
  end)
  return b:octets(), b.fields
end

-- The cookie of a HelloVerifyRequest; nil for what is none.
function handshake.cookie_of(octets)
  local type = octets:byte(14)
  if #octets < 28 or octets:byte(1) ~= HANDSHAKE or type ~= 3 then return nil end
  local length = octets:byte(28)
  return #octets >= 28 + length and octets:sub(29, 28 + length) or nil
end

-- A fatal alert in the clear, so that a handshake need not be kept until it is given up.
handshake.farewell = {
  tls = handshake.record(ALERT, "\2\40"), dtls = handshake.dtls_record(ALERT, "\2\40", 0, 100),
}

-- `octets` with those at an offset replaced.
function handshake.overwrite(octets, offset, piece)
  return octets:sub(1, offset) .. piece .. octets:sub(offset + #piece + 1)
end

-- A ClientHello whose message of `size` claimed octets comes in fragments { offset, length }, each with `length` octets
-- of content, whatever it says.
function handshake.fragments(size, list)
  local out = {}
  for i, one in ipairs(list) do
    local offset, said, content = table.unpack(one)
    out[i] = handshake.dtls_record(HANDSHAKE,
      string.pack(">BI3I2I3I3", 1, size & 0xFFFFFF, 0, offset & 0xFFFFFF, said & 0xFFFFFF)
        .. ("\xA5"):rep(content or said), 0, i - 1)
  end
  return out
end

-- The first message of SSL 2 that offers TLS, with length fields as given (RFC 5246 appendix E.2).
function handshake.old_hello(more)
  more = more or {}
  local ciphers, id, challenge = "\x00\xC0\x2F\x00\x00\x2F", "", RANDOM
  local body = string.pack(">BI2I2I2I2", 1, 0x0303, more.ciphers or #ciphers, more.id or #id,
    more.challenge or #challenge) .. ciphers .. id .. challenge
  return string.pack(">I2", more.length or (#body | 0x8000)) .. body
end

return handshake
