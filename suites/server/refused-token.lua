-- SPDX-License-Identifier: BSD-3-Clause
--
-- Tokens that do not decrypt, or whose inside is impossible. RFC 7635 sections 6.2 and 7, appendix A.

local bytes = require "bytes"
local scenario = require "support.scenario"

-- One bit of the sealed token is changed, in the part `name` at octet `offset` of it.
local function flip(name, offset, bit)
  return function(octets, layout)
    local position = (layout[name].offset + offset) * 8 + (bit or 7)
    return bytes.flip(octets, position)
  end
end

-- The places of the fields in the ciphertext of a token with a 20-octet mac_key under AES-GCM, where a changed bit of
-- the ciphertext is the same bit of the plaintext.
local mac_key_at, timestamp_at, lifetime_at = 2, 22, 30

scenario "changed-bits" {
  title = "a token with one changed bit does not decrypt, and gets 401",
  covers = { "7635-7-04" },
  needs = { "third-party", "gcm" },
  faults = { "refuse-token-by-400" },
  transports = "each",
  run = function(t)
    local control = t:control { token = t:token { lifetime = 600 } }
    local function changed(label, change, more)
      local defect = more or {}
      defect.token = t:altered(control.answer.request.token, change)
      t:refused("7635-7-04", control, defect, 401, { label = label })
    end
    changed("nonce", flip("nonce", 3))
    changed("key_length", flip("ciphertext", 1))
    -- Signed with the key that a server would find if it did not look at the tag: nothing but the tag is wrong then.
    changed("mac_key", flip("ciphertext", mac_key_at + 5), {
      integrity_key = function(token) return t.bench:integrity_key(bytes.flip(token.mac_key, 5 * 8 + 7)) end,
    })
    changed("timestamp", flip("ciphertext", timestamp_at + 7))
    changed("lifetime", flip("ciphertext", lifetime_at + 3))
    changed("tag", flip("tag", 0))
    changed("the end of the tag", flip("tag", 15))
  end,
}

scenario "tag-in-front" {
  title = "the tag stands behind the ciphertext, not before it",
  covers = { "7635-A-03" },
  needs = { "third-party", "gcm" },
  faults = { "accept-leading-tag" },
  run = function(t)
    local control = t:control {}
    t:refused("7635-A-03", control, {
      token = {
        change = function(octets, layout)
          local head = octets:sub(1, layout.ciphertext.offset)
          local tag = octets:sub(layout.tag.offset + 1)
          return head .. tag .. octets:sub(layout.ciphertext.offset + 1, layout.tag.offset)
        end,
      },
    }, 401)
  end,
}

scenario "nonce-of-another-length" {
  title = "an AES-GCM token with a nonce of another length than 12 octets is refused",
  covers = { "5116-5.2-01" },
  needs = { "third-party", "gcm" },
  faults = { "accept-any-nonce-length" },
  run = function(t)
    local control = t:control {}
    for _, length in ipairs { 8, 16 } do
      t:refused("5116-5.2-01", control, { token = { nonce = t:random(length) } }, { 401, 400 },
        { label = ("%d octets"):format(length) })
    end
  end,
}

scenario "shortened-tag" {
  title = "a shortened GCM tag does not pass",
  covers = { "5116-5.2-02" },
  needs = { "third-party", "gcm" },
  faults = { "accept-short-tag" },
  run = function(t)
    local control = t:control {}
    for _, length in ipairs { 15, 12, 8, 4, 0 } do
      t:refused("5116-5.2-02", control, { token = { tag_length = length } }, { 401, 400 },
        { label = ("%d octets"):format(length) })
    end
  end,
}

scenario "impossible-structure" {
  title = "a token whose structure is impossible is refused, and the server goes on",
  covers = { "7635-7-05" },
  faults = { "drop-short-token", "refuse-token-by-403", "hang-on-empty-token" },
  alone = true,
  harm = true,
  run = function(t)
    local control = t:control {}
    local function refused(label, change)
      t:refused("7635-7-05", control, { token = { change = change } }, { 401, 400 }, { label = label })
      t:control {}
    end
    refused("no octet", function() return "" end)
    refused("one octet", function(octets) return octets:sub(1, 1) end)
    refused("nonce_length beyond the value", function(octets) return "\x01\x00" .. octets:sub(3) end)
    refused("no tag", function(octets, layout) return octets:sub(1, layout.tag.offset) end)
    refused("nothing behind the nonce", function(octets, layout) return octets:sub(1, layout.ciphertext.offset) end)
  end,
}

-- 20 << 8 is what a minter on a little-endian machine makes of 20.
scenario "key-length-beyond-the-block" {
  title = "a correctly sealed token whose key_length exceeds its block is refused, and the server goes on",
  covers = { "7635-7-05", "7635-6.2-06" },
  faults = { "guess-key-length-order", "ignore-key-length", "crash-on-long-key" },
  alone = true,
  harm = true,
  run = function(t)
    local control = t:control {}
    for _, length in ipairs { 24, 33, 35, 20 << 8, 65535 } do
      local answer = t:refused("7635-7-05", control, { token = { key_length = length } }, { 401, 400 },
        { label = ("key_length %d"):format(length) })
      if length == 20 << 8 then
        t:check("7635-6.2-06", answer:is_error(401, 400), { label = "key_length in little-endian order" })
      end
      t:control {}
    end
  end,
}

scenario "key-length-zero" {
  title = "a correctly sealed token without any mac_key is not good for a session",
  covers = { "7635-7-05" },
  faults = { "accept-empty-key" },
  alone = true,
  harm = true,
  run = function(t)
    local control = t:control {}
    local answer = t:with_defect(control, { token = { mac_key = "" }, integrity_key = function() return "" end })
    t:check("7635-7-05", answer:is_error(401, 400), { soften = answer:is_success().ok and "AMB-26" })
    t:control {}
  end,
}

scenario "oversized-token" {
  title = "a message of nearly 64 kB is answered or its connection closed, and the next one is served",
  covers = { "7635-7-05" },
  faults = { "skip-tag", "hang-on-large-message" },
  transports = "each",
  needs = { "tcp" },
  alone = true,
  harm = true,
  run = function(t)
    local control = t:control {}
    local answer = t:with_defect(control, {
      token = { change = function(octets) return octets .. ("\0"):rep(65000) end },
    })
    t:check("7635-7-05", answer:is_refused_or_closed(), { label = "no success" })
    t:control {}
  end,
}

-- A token as a minter on a little-endian machine would write one field of it, each chosen so that a conforming server,
-- which reads it big-endian, must refuse it.
scenario "byte-order" {
  title = "the integers in a token are big-endian",
  covers = { "7635-6.2-06" },
  needs = { "third-party", "gcm" },
  faults = {
    "read-lifetime-backwards", "guess-nonce-length-order", "crash-on-long-nonce",
    "guess-timestamp-order",
  },
  run = function(t)
    t:timed()
    local control = t:control {}
    t:refused("7635-6.2-06", control, {
      token = { change = function(octets) return octets:sub(2, 2) .. octets:sub(1, 1) .. octets:sub(3) end },
    }, { 401, 400 }, { label = "nonce_length" })
    local over = t:heeds_time(control)
    -- 0x10000000 in little-endian octets reads 16: long over at this age.
    t:refused("7635-6.2-06", control, { token = { lifetime = 16, age = 16 + over } }, 401, { label = "lifetime" })
    -- Seconds that end in a zero octet read, the octets turned round, as a time in 1970.
    local now = math.floor(t:now())
    local issued = now - now % 256
    t:refused("7635-6.2-06", control, {
      token = { timestamp = string.unpack("<I8", string.pack(">I8", issued << 16)), lifetime = 3600 },
    }, 401, { label = "timestamp" })
  end,
}
