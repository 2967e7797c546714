-- SPDX-License-Identifier: BSD-3-Clause
--
-- What comes to a port of TLS or DTLS beneath it, where no STUN is yet: lists of descriptions as support/malformed.lua
-- has them, with `steps` instead of a base (support/wire.lua does them). Each list is the same every time; what is left
-- to chance comes from a seed.

local chance = require "support.chance"
local handshake = require "support.handshake"

local beneath = {}

local function add(list, class, what, ...)
  list[#list + 1] = { class = class, what = what, steps = { ... } }
end

local BINDING <const> = "\x00\x01\x00\x00\x21\x12\xA4\x42assaybinding"

-- Other protocols that come to the wrong port, and chance.
local strangers = {
  { "a STUN message in the clear", BINDING }, { "a STUN message in the clear, cut off", BINDING:sub(1, 11) },
  { "a STUN message in the clear that says 65532 octets", "\x00\x03\xFF\xFC\x21\x12\xA4\x42assaybinding" },
  { "ChannelData in the clear", "\x40\x00\x00\x04echo" }, { "ChannelData of 65535 octets", "\x40\x00\xFF\xFFecho" },
  { "an HTTP request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" }, { "an HTTP method", "GET" },
  { "a request to a proxy", "CONNECT 127.0.0.1:80 HTTP/1.0\r\n\r\n" },
  { "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
  { "a request line without end", "GET /" .. ("a"):rep(20000) }, { "a banner of SSH", "SSH-2.0-assay\r\n" },
  { "a greeting of SMTP", "EHLO localhost\r\n" }, { "a request of SOCKS 5", "\5\1\0" },
  { "a line of the PROXY protocol", "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" },
  { "20000 zeros", ("\0"):rep(20000) }, { "20000 octets of ones", ("\xFF"):rep(20000) }, { "an end of line", "\n" },
}

function beneath.strangers(seed, count)
  local list, next_number = {}, chance.generator(seed)
  for _, one in ipairs(strangers) do add(list, "stranger", one[1], { "send", one[2] }) end
  for i = 1, count do
    local octets = chance.octets(next_number, next_number(i % 50 == 0 and 9000 or 64))
    add(list, "random octets", ("%d random octets"):format(#octets), { "send", octets })
  end
  return list
end

function beneath.old_hellos()
  local list = {}
  local function one(what, more) add(list, "old hello", what, { "send", handshake.old_hello(more) }) end
  one("a ClientHello of SSL 2", {})
  for _, field in ipairs { "ciphers", "id", "challenge" } do
    for _, n in ipairs { 0, 1, 2, 15, 16, 31, 33, 255, 256, 0x7FFF, 0x8000, 0xFFFF } do
      one(("a ClientHello of SSL 2 whose length of %s says %d"):format(field, n), { [field] = n })
    end
  end
  for _, n in ipairs { 0, 1, 8, 9, 10, 0x7FFF, 0x8000, 0x8001, 0x8009, 0x802E, 0x8030, 0xFFFF } do
    one(("a ClientHello of SSL 2 whose record says 0x%04X"):format(n), { length = n })
  end
  return list
end

-- Values of a length field at its boundaries.
local function hostile(field)
  local most, seen, values = (1 << (8 * field.size)) - 1, { [field.value] = true }, {}
  for _, n in ipairs { 0, 1, field.value - 1, field.value + 1, field.value + 2, most >> 1, (most >> 1) + 1, most - 1,
    most } do
    if n >= 0 and n <= most and not seen[n] then
      seen[n] = true
      values[#values + 1] = n
    end
  end
  return values
end

-- A right ClientHello cut off behind every octet, as it is and with its record made to fit, and with every length field
-- at its boundaries. header: octets of a record's header; record(octets) puts octets into one.
local function add_broken(list, name, hello, fields, header, record)
  for n = 1, #hello - 1 do
    add(list, "cut hello", ("%s cut off after %d of %d octets"):format(name, n, #hello), { "send", hello:sub(1, n) })
    if n > header then
      add(list, "cut hello", ("%s cut off after %d of %d octets, as its record says"):format(name, n, #hello),
        { "send", record(hello:sub(header + 1, n)) })
    end
  end
  for _, field in ipairs(fields) do
    for _, n in ipairs(hostile(field)) do
      add(list, "hello length", ("%s whose length of %s says %d, not %d"):format(name, field.name, n, field.value),
        { "send", handshake.overwrite(hello, field.offset, string.pack(">I" .. field.size, n)) })
    end
  end
end

function beneath.tls_hellos()
  local list = {}
  for _, newest in ipairs { false, true } do
    local hello, fields = handshake.tls_hello(newest)
    local name = newest and "a ClientHello of TLS 1.3" or "a ClientHello of TLS 1.2"
    add_broken(list, name, hello, fields, 5, function(octets)
      return handshake.record(handshake.HANDSHAKE, octets, "\x03\x01")
    end)
  end
  return list
end

local function in_records(octets, size, version)
  local out = {}
  for i = 1, #octets, size do
    out[#out + 1] = handshake.record(handshake.HANDSHAKE, octets:sub(i, i + size - 1), version)
  end
  return table.concat(out)
end

-- Records: of all types, versions and sizes, alerts, fragments of a handshake.
function beneath.records()
  local list = {}
  local hello = handshake.tls_hello(true)
  for _, type in ipairs { 0, 20, 21, 22, 23, 24, 25, 63, 127, 128, 255 } do
    for _, size in ipairs { 0, 1, 2, 16383, 16384, 16385, 16640, 16641, 18432, 18433, 65535 } do
      add(list, "record", ("a record of type %d and %d octets"):format(type, size),
        { "send", handshake.record(type, ("\1"):rep(size)) })
      if size > 2 then
        add(list, "record", ("a record of type %d that says %d octets and has none"):format(type, size),
          { "send", string.pack(">BI2I2", type, 0x0303, size) })
      end
    end
    add(list, "empty records", ("2000 empty records of type %d"):format(type),
      { "send", handshake.record(type, ""):rep(2000) })
  end
  for _, version in ipairs { 0x0000, 0x0002, 0x0200, 0x0300, 0x0301, 0x0302, 0x0304, 0x03FF, 0x7F1C, 0xFEFD, 0xFEFF,
    0xFFFF } do
    add(list, "version", ("a ClientHello in a record of version 0x%04X"):format(version),
      { "send", handshake.overwrite(hello, 1, string.pack(">I2", version)) })
    add(list, "version", ("a ClientHello of version 0x%04X"):format(version),
      { "send", handshake.overwrite(hello, 9, string.pack(">I2", version)) })
  end
  for level = 0, 3 do
    for _, code in ipairs { 0, 10, 20, 21, 22, 40, 47, 50, 80, 90, 100, 110, 120, 255 } do
      add(list, "alert", ("an alert of level %d, number %d"):format(level, code),
        { "send", handshake.record(handshake.ALERT, string.char(level, code)) })
    end
  end
  add(list, "alert", "half an alert", { "send", handshake.record(handshake.ALERT, "\2") })
  add(list, "alert", "an alert in two records",
    { "send", handshake.record(handshake.ALERT, "\1") .. handshake.record(handshake.ALERT, "\90") })
  add(list, "alert", "8000 warnings", { "send", handshake.record(handshake.ALERT, "\1\90"):rep(8000) })
  for type = 0, 25 do
    for _, size in ipairs { 0, 1, 4, 0xFFFF, 0xFFFFFF } do
      add(list, "handshake message", ("a handshake message of type %d that says %d octets"):format(type, size),
        { "send", handshake.record(handshake.HANDSHAKE,
          string.pack(">BI3", type, size) .. ("\0"):rep(math.min(size, 64))) })
    end
  end
  for _, size in ipairs { 1, 2, 3, 4, 5, 64 } do
    add(list, "fragments", ("a ClientHello in records of %d octets"):format(size),
      { "send", in_records(hello:sub(6), size, "\x03\x01") })
  end
  add(list, "fragments", "a ClientHello with an alert among its records", { "send",
    in_records(hello:sub(6, 60), 16, "\x03\x01") .. handshake.record(handshake.ALERT, "\1\90")
      .. in_records(hello:sub(61), 16, "\x03\x01") })
  add(list, "fragments", "a handshake message of 16 MiB that goes on and on", { "send",
    handshake.record(handshake.HANDSHAKE, "\1\xFF\xFF\xFF" .. ("\0"):rep(16000))
      .. handshake.record(handshake.HANDSHAKE, ("\0"):rep(16000)):rep(20) })
  return list
end

-- What comes when the target has sent its part of the handshake: ends, and messages that are not due.
function beneath.odd_moments()
  local list = {}
  for _, newest in ipairs { false, true } do
    local hello = handshake.tls_hello(newest)
    local name = newest and "behind a ClientHello of TLS 1.3, " or "behind a ClientHello of TLS 1.2, "
    local function later(class, what, octets)
      add(list, class, name .. what, { "send", hello }, { "await" }, { "send", octets })
      add(list, class, name .. "without waiting, " .. what, { "send", hello .. octets })
    end
    add(list, "end in a handshake", name .. "the end of the connection", { "send", hello }, { "await" }, { "close" })
    add(list, "end in a handshake", name .. "the end at once", { "send", hello }, { "close" })
    later("alert in a handshake", "close_notify", handshake.record(handshake.ALERT, "\1\0"))
    later("alert in a handshake", "a fatal alert", handshake.farewell.tls)
    later("hello again", "the same again", hello)
    later("hello again", "the same 50 times", hello:rep(50))
    later("change of cipher", "ChangeCipherSpec", handshake.record(handshake.CHANGE, "\1"))
    later("change of cipher", "ChangeCipherSpec 100 times", handshake.record(handshake.CHANGE, "\1"):rep(100))
    later("change of cipher", "a ChangeCipherSpec of other octets", handshake.record(handshake.CHANGE, "\2\3"))
    later("data in a handshake", "data in the clear", handshake.record(handshake.DATA, BINDING))
    later("data in a handshake", "a STUN message without a record", BINDING)
    for _, size in ipairs { 0, 1, 16, 17, 16384, 16640, 16641, 65535 } do
      later("data in a handshake", ("a record of data of %d octets"):format(size),
        handshake.record(handshake.DATA, ("\xA5"):rep(size)))
    end
    for _, type in ipairs { 0, 2, 4, 5, 11, 13, 14, 15, 16, 20, 24, 254 } do
      for _, size in ipairs { 0, 1, 36, 0xFFFFFF } do
        later("message not due", ("a handshake message of type %d that says %d octets"):format(type, size),
          handshake.record(handshake.HANDSHAKE, string.pack(">BI3", type, size) .. ("\x5A"):rep(math.min(size, 64))))
      end
    end
    -- ClientKeyExchange of TLS 1.2: the point of ECDHE, with a length octet of its own.
    for _, n in ipairs { 0, 1, 31, 32, 33, 64, 65, 66, 127, 128, 255 } do
      later("key exchange", ("a ClientKeyExchange whose point says %d octets"):format(n),
        handshake.record(handshake.HANDSHAKE, string.pack(">BI3B", 16, 66, n) .. ("\4"):rep(65))
          .. handshake.record(handshake.CHANGE, "\1") .. handshake.record(handshake.HANDSHAKE, ("\xA5"):rep(40)))
    end
  end
  return list
end

-- On sessions that are established: new handshakes and keys, ends, octets between records. versions: the newest that
-- our side offers, false for any.
function beneath.within(versions)
  local list = {}
  for _, version in ipairs(versions) do
    local function one(class, what, ...)
      add(list, class, "a session" .. (version and " of version " .. version or "") .. what, ...)
      list[#list].within, list[#list].maximum = true, version or nil
    end
    one("fresh keys", " that asks for fresh keys", { "rekey" }, { "await" })
    one("fresh keys", ", a message, and it asks for fresh keys", { "send", BINDING }, { "rekey" }, { "send", BINDING },
      { "await" })
    one("fresh keys", " that asks for fresh keys in the midst of a message", { "send", BINDING:sub(1, 7) },
      { "rekey" }, { "send", BINDING:sub(8) }, { "await" })
    local often = {}
    for i = 1, 200 do often[i] = { "rekey" } end
    one("fresh keys", " that asks for fresh keys 200 times", table.unpack(often))
    one("end of a session", " that ends", { "close" })
    one("end of a session", " that ends in the midst of a message", { "send", BINDING:sub(1, 7) }, { "close" })
    one("end of a session", " that asks for fresh keys and ends", { "rekey" }, { "close" })
    one("end of a session", " that asks, and ends before the answer", { "send", BINDING }, { "close" })
  end
  return list
end

-- DTLS. A ClientHello without a cookie costs the target nothing to keep.
function beneath.dtls_hellos()
  local list = {}
  local hello, fields = handshake.dtls_hello()
  add_broken(list, "a ClientHello", hello, fields, 13, function(octets)
    return handshake.dtls_record(handshake.HANDSHAKE, octets)
  end)
  local D = handshake.DTLS
  for _, epoch in ipairs { 1, 2, 0x7FFF, 0x8000, 0xFFFF } do
    add(list, "epoch", ("a ClientHello of epoch %d"):format(epoch),
      { "send", handshake.overwrite(hello, D.epoch, string.pack(">I2", epoch)) })
  end
  for _, number in ipairs { 1, 0xFFFFFFFF, 0xFFFFFFFFFFFF } do
    add(list, "sequence", ("a ClientHello in record %d"):format(number),
      { "send", handshake.overwrite(hello, D.sequence, string.pack(">I6", number)) })
  end
  for _, number in ipairs { 1, 2, 10, 0x7FFF, 0xFFFF } do
    add(list, "sequence", ("a ClientHello as message %d"):format(number),
      { "send", handshake.overwrite(hello, D.message_sequence, string.pack(">I2", number)) })
  end
  for _, version in ipairs { 0x0000, 0x0100, 0x0301, 0x0303, 0xFEFC, 0xFEFF, 0xFFFF } do
    for _, offset in ipairs { 1, 25 } do
      add(list, "version", ("a ClientHello of version 0x%04X at octet %d"):format(version, offset),
        { "send", handshake.overwrite(hello, offset, string.pack(">I2", version)) })
    end
  end
  return list
end

local fragments = {
  { "that begins behind its end", 100, { { 101, 10 } } }, { "at the largest offset", 100, { { 0xFFFFFF, 10 } } },
  { "whose end is beyond 24 bits", 0xFFFFFF, { { 0xFFFFF0, 100 } } },
  { "of the largest message", 0xFFFFFF, { { 0, 1000 } } }, { "longer than its message", 10, { { 0, 100 } } },
  { "of no octets", 100, { { 0, 0 } } }, { "of a message of no octets", 0, { { 0, 0 } } },
  { "that says more than its record has", 200, { { 0, 200, 10 } } },
  { "that says less than its record has", 200, { { 0, 10, 200 } } },
  { "that says 16 MiB", 0xFFFFFF, { { 0, 0xFFFFFF, 100 } } },
  { "and its overlap", 200, { { 0, 100 }, { 50, 150 } } }, { "and its end first", 200, { { 100, 100 }, { 0, 100 } } },
  { "with a hole", 200, { { 0, 50 }, { 150, 50 } } }, { "twice", 200, { { 0, 100 }, { 0, 100 } } },
  { "of one octet each, from the end", 8,
    { { 7, 1 }, { 6, 1 }, { 5, 1 }, { 4, 1 }, { 3, 1 }, { 2, 1 }, { 1, 1 }, { 0, 1 } } },
}

-- Records of DTLS that no session is there for, several in one datagram, and hostile fragments.
function beneath.dtls_records(seed)
  local list, next_number = {}, chance.generator(seed)
  for _, one in ipairs(fragments) do
    local steps = {}
    local records = handshake.fragments(one[2], one[3])
    for i, octets in ipairs(records) do steps[i] = { "send", octets } end
    add(list, "fragments", "a fragment of a ClientHello " .. one[1], table.unpack(steps))
    add(list, "fragments", "in one datagram, a fragment of a ClientHello " .. one[1],
      { "send", table.concat(records) })
  end
  for _, type in ipairs { 0, 20, 21, 22, 23, 24, 25, 63, 128, 255 } do
    for _, epoch in ipairs { 0, 1, 0xFFFF } do
      for _, size in ipairs { 0, 1, 2, 12, 13, 48, 1400, 16384 } do
        add(list, "record", ("a record of type %d, epoch %d and %d octets"):format(type, epoch, size),
          { "send", handshake.dtls_record(type, ("\1"):rep(size), epoch, size) })
      end
      add(list, "record", ("a record of type %d, epoch %d that says 65535 octets"):format(type, epoch),
        { "send", string.pack(">BI2I2I6I2", type, 0xFEFD, epoch, 0, 65535) .. "\1\2\3" })
    end
    add(list, "empty records", ("1000 empty records of type %d in one datagram"):format(type),
      { "send", handshake.dtls_record(type, ""):rep(1000) })
  end
  for _, one in ipairs(strangers) do add(list, "stranger", one[1], { "send", one[2] }) end
  for _ = 1, 300 do
    local octets = "\x16\xFE\xFD" .. chance.octets(next_number, next_number(80))
    add(list, "random octets", ("%d random octets behind the beginning of a record"):format(#octets),
      { "send", octets })
  end
  return list
end

-- A ClientHello that brings a cookie back and has something wrong with it. Each ends with an alert, so that the target
-- need not keep its handshake until it gives it up.
function beneath.cookies()
  local list = {}
  local hello, fields = handshake.dtls_hello()
  local function one(class, what, step, ...)
    add(list, class, what, { "send", hello }, { "await" }, step, { "await" }, ...)
    table.insert(list[#list].steps, { "send", handshake.farewell.dtls })
  end
  one("cookie", "a ClientHello with its cookie, and then an alert", { "hello" })
  one("cookie", "a ClientHello with the cookie of nobody", { "hello", cookie = ("\xA5"):rep(32) })
  for _, n in ipairs { 1, 16, 31, 33, 255 } do
    one("cookie", ("a ClientHello with a cookie of %d octets"):format(n), { "hello", cookie = ("\xA5"):rep(n) })
  end
  for _, field in ipairs(fields) do
    for _, n in ipairs { 0, 1, (1 << (8 * field.size)) - 1 } do
      one("cookie and length", ("a ClientHello with its cookie whose length of %s says %d"):format(field.name, n),
        { "hello", field = field.name, value = n })
    end
  end
  for _, n in ipairs { 14, 25, 26, 59, 60, 92, 93, 110, 125, 140, 150 } do
    one("cookie and cut", ("a ClientHello with its cookie cut off after %d octets"):format(n), { "hello", keep = n })
  end
  for _, size in ipairs { 1, 13, 50, 100 } do
    one("cookie and fragments", ("a ClientHello with its cookie in fragments of %d octets"):format(size),
      { "hello", fragment = size })
  end
  local function late(class, what, octets) one(class, "behind a cookie, " .. what, { "hello" }, { "send", octets }) end
  late("epoch", "data of epoch 1", handshake.dtls_record(handshake.DATA, ("\xA5"):rep(48), 1, 0))
  late("epoch", "data of epoch 2", handshake.dtls_record(handshake.DATA, ("\xA5"):rep(48), 2, 0))
  late("epoch", "data in the clear", handshake.dtls_record(handshake.DATA, BINDING, 0, 7))
  late("epoch", "a STUN message without a record", BINDING)
  late("change of cipher", "ChangeCipherSpec", handshake.dtls_record(handshake.CHANGE, "\1", 0, 7))
  late("hello again", "the first ClientHello", hello)
  for _, one_of in ipairs(fragments) do
    late("fragments behind a cookie", "a fragment " .. one_of[1],
      table.concat(handshake.fragments(one_of[2], one_of[3])))
  end
  for _, type in ipairs { 0, 2, 11, 14, 16, 20 } do
    for _, size in ipairs { 0, 1, 36, 0xFFFFFF } do
      late("message not due", ("a handshake message of type %d that says %d octets"):format(type, size),
        handshake.dtls_record(handshake.HANDSHAKE, string.pack(">BI3I2I3I3", type, size, 2, 0, math.min(size, 64))
          .. ("\x5A"):rep(math.min(size, 64)), 0, 9))
    end
  end
  return list
end

-- Lists one behind the other.
function beneath.all(...)
  local whole = {}
  for _, list in ipairs { ... } do table.move(list, 1, #list, #whole + 1, whole) end
  return whole
end

-- Moments of a handshake at which a client may fall silent, as steps.
beneath.silences = {
  tls = {
    { "a connection that says nothing" }, { "the first octet of a record", { "send", "\x16" } },
    { "half a ClientHello", { "send", handshake.tls_hello(true):sub(1, 90) } },
    { "a ClientHello", { "send", (handshake.tls_hello(true)) } },
  },
  dtls = {
    { "a ClientHello without a cookie", { "send", (handshake.dtls_hello()) } },
    { "a ClientHello with its cookie", { "send", (handshake.dtls_hello()) }, { "await" }, { "hello" } },
  },
}

return beneath
