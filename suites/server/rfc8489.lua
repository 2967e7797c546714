-- SPDX-License-Identifier: BSD-3-Clause
--
-- What RFC 8489 asks of a server that claims it, where it touches a session with a token.
-- RFC 8489 sections 9.2 and 14.6, AMB-27, AMB-50.

local bytes = require "bytes"
local expect = require "support.expect"
local scenario = require "support.scenario"

local both = { "MESSAGE-INTEGRITY", "MESSAGE-INTEGRITY-SHA256" }

local COOKIE = "obMatJos2"

-- The nonce cookie: nine letters and the base64 of 24 security feature bits.
local function has_cookie(nonce)
  local features = nonce and nonce:sub(1, #COOKIE) == COOKIE and nonce:match("^[%w+/][%w+/][%w+/][%w+/]", #COOKIE + 1)
  return expect.new(features, ('a NONCE that begins with "%s" and four base64 characters'):format(COOKIE),
    nonce and ('"%s"'):format(nonce:sub(1, 20):gsub("[^\x20-\x7E]", "?")) or "no NONCE"), features
end

scenario "nonce-cookie" {
  title = "each NONCE begins with the nonce cookie and the security features",
  covers = { "8489-9.2-01" },
  needs = { "third-party", "rfc8489" },
  faults = { "omit-nonce-cookie" },
  run = function(t)
    local control = t:control {}
    local challenge = t:allocate { credentials = false }
    local outcome, features = has_cookie(challenge:raw "NONCE")
    t:check("8489-9.2-01", outcome, { label = "401" })
    if features then
      local bits = string.unpack(">I3", bytes.unbase64(features))
      local offers = challenge.message:has "PASSWORD-ALGORITHMS"
      if offers ~= (bits & 1 == 1) then
        t:note("the security features are 0x%06X, and the 401 has %s PASSWORD-ALGORITHMS (bit 0 is the least "
          .. "significant one by erratum 6290)", bits, offers and "" or "no")
      end
    end
    local length = #(challenge:raw "NONCE" or "")
    local stale = t:with_defect(control, { nonce = bytes.hex(bytes.random(64)):sub(1, math.max(length, 16)) })
    if stale:code() == 438 then
      t:check("8489-9.2-01", (has_cookie(stale:raw "NONCE")), { label = "438" })
    else
      t:note("no 438 to look at: %s", stale:describe())
    end
  end,
}

scenario "sha256-decides" {
  title = "with both integrity attributes present MESSAGE-INTEGRITY-SHA256 decides",
  covers = { "8489-9.2.4-03" },
  needs = { "third-party", "rfc8489" },
  faults = { "judge-by-sha1" },
  run = function(t)
    local control = t:control { integrity = both }
    t:refused("8489-9.2.4-03", control, { edits = { { "flip", "MESSAGE-INTEGRITY-SHA256", 7 } } }, 401)
    local reverse = t:with_defect(control, { edits = { { "key", "MESSAGE-INTEGRITY", bytes.random(20) } } })
    t:note("a wrong MESSAGE-INTEGRITY before a right MESSAGE-INTEGRITY-SHA256: %s", reverse:describe())
  end,
}

scenario "other-password-algorithms" {
  title = "a request that repeats PASSWORD-ALGORITHMS otherwise than it was offered gets 400",
  covers = { "8489-9.2.4-04" },
  needs = { "third-party", "rfc8489" },
  faults = { "ignore-password-algorithms" },
  run = function(t)
    local control = t:control {} -- with neither attribute
    local challenge = t:allocate { credentials = false }
    local offered = challenge:get "PASSWORD-ALGORITHMS"
    if type(offered) ~= "table" or #offered == 0 then t:skip "its 401 offers no PASSWORD-ALGORITHMS" end
    local function echo(list)
      return { attributes = { { "PASSWORD-ALGORITHMS", list }, { "PASSWORD-ALGORITHM", list[1] } } }
    end
    local as_offered = t:with_defect(control, echo(offered))
    t:note("with both attributes as they were offered: %s", as_offered:describe())
    local shorter = table.move(offered, 1, #offered - 1, 1, {})
    if #shorter == 0 then shorter = { { algorithm = offered[1].algorithm + 1, parameters = "" } } end
    t:refused("8489-9.2.4-04", control, echo(shorter), 400)
  end,
}

scenario "sha256-length" {
  title = "MESSAGE-INTEGRITY-SHA256 has 16 to 32 octets, and a shorter one is refused",
  covers = { "8489-14.6-01" },
  needs = { "third-party", "sha256" },
  faults = { "accept-short-sha256", "answer-short-sha256" },
  run = function(t)
    local control = t:control { integrity = "MESSAGE-INTEGRITY-SHA256", token = { mac_key = bytes.random(32) } }
    local value = control.answer:raw "MESSAGE-INTEGRITY-SHA256"
    if value then
      t:check("8489-14.6-01", #value >= 16 and #value <= 32 and #value % 4 == 0, {
        label = "in an answer", expected = "16 to 32 octets, a multiple of 4", got = ("%d octets"):format(#value),
      })
    end
    t:refused("8489-14.6-01", control, { integrity_size = 12 }, { 400, 401 }, { label = "12 octets in a request" })
    local half = t:with_defect(control, { integrity_size = 16 })
    t:note("HMAC-SHA-256-128, 16 octets: %s", half:describe())
  end,
}
