-- SPDX-License-Identifier: BSD-3-Clause
--
-- Tokens of the AES-CBC-HMAC algorithms, for servers whose profile names a key of one. RFC 7635 sections 6.2 and 7, RFC
-- 7518 section 5.2. The text leaves open what such a token looks like; the forms F1 to F3 are those of AMB-29.

local bytes = require "bytes"
local cbc = require "support.cbc"
local expect = require "support.expect"
local scenario = require "support.scenario"
local token = require "token"

local function form_or_stop(t, kid)
  return (cbc.form(t, kid)) or t:inconclusive "it takes a CBC token of no form, which cbc-token/form judges"
end

scenario "form" {
  title = "a CBC token of one of the forms that the text allows is taken",
  covers = { "7635-6.2-18" },
  faults = { "refuse-cbc", "demand-cbc-iv" },
  needs = { "third-party", "cbc" },
  run = function(t)
    t:control {}
    local form, outcomes = cbc.form(t, t.bench:cbc_kid())
    t:check("7635-6.2-18", expect.any(outcomes), { label = "a form of the text" })
    if form then
      t:check("7635-6.2-18", expect.any { expect.same(form, "F1"), expect.same(form, "F2") },
        { label = "not that of RFC 7518 alone", soften = "AMB-29" })
    end
  end,
}

scenario "changed-bits" {
  title = "a changed bit in the ciphertext or the tag of a CBC token, or another name, gets 401",
  covers = { "7635-7-06" },
  faults = { "overlook-end-of-cbc-mac", "skip-cbc-mac", "refuse-token-by-400" },
  needs = { "third-party", "cbc" },
  run = function(t)
    local kid = t.bench:cbc_kid()
    local control = t:control { token = t:token { kid = kid, form = form_or_stop(t, kid), lifetime = 600 } }
    local minted = control.answer.request.token
    local function flip(part, octet)
      return { token = t:altered(minted, function(octets, layout)
        return bytes.flip(octets, (layout[part].offset + octet) * 8 + 7)
      end) }
    end
    -- A bit of the second block of S turns the same bit of the third one, which holds timestamp and lifetime.
    t:refused("7635-7-06", control, flip("ciphertext", 16 + 1), 401, { label = "the ciphertext" })
    t:refused("7635-7-06", control, flip("tag", 5), 401, { label = "the tag" })
    t:refused("7635-7-06", control, flip("tag", token.algorithm(minted.algorithm).tag_length - 1), 401,
      { label = "the end of the tag" })
    t:refused("7635-7-06", control, {
      token = t:token { kid = kid, form = minted.spec.form, server_name = "other-" .. t.bench.server_name },
    }, 401, { label = "another name" })
  end,
}

scenario "halves-of-the-key" {
  title = "the MAC key is the front half of K and the encryption key the rear half",
  covers = { "7518-5.2.2.1-01" },
  faults = { "refuse-token-by-400" },
  needs = { "third-party", "cbc" },
  run = function(t)
    local kid = t.bench:cbc_kid()
    local key = t.bench:key(kid).octets
    local control = t:control { token = { kid = kid, form = form_or_stop(t, kid) } }
    local swapped = key:sub(#key // 2 + 1) .. key:sub(1, #key // 2)
    t:refused("7518-5.2.2.1-01", control, { token = { key = swapped } }, 401)
  end,
}

scenario "mac-input-and-padding" {
  title = "AL is the length of the name in bits, 64 bits big-endian, and the padding is PKCS #7",
  covers = { "7518-5.2.2.1-02" },
  needs = { "third-party", "cbc" },
  faults = { "skip-cbc-mac", "ignore-cbc-padding" },
  run = function(t)
    local kid = t.bench:cbc_kid()
    local control = t:control { token = { kid = kid, form = form_or_stop(t, kid) } }
    local length = #t.bench.server_name
    local function refused(label, defect)
      t:refused("7518-5.2.2.1-02", control, { token = defect }, 401, { label = label })
    end
    refused("AL in octets", { al = string.pack(">I8", length) })
    refused("AL in little-endian order", { al = string.pack("<I8", length * 8) })
    refused("no AL", { al = "" })
    -- A block with a mac_key of 20 octets has 34 octets: 14 more fill the third block of AES.
    refused("zeros for padding", { padding = ("\0"):rep(14) })
  end,
}

scenario "smaller-algorithms" {
  title = "tokens of the smaller CBC algorithms are opened where the profile names such a key",
  covers = { "7518-5.2.3-01" },
  needs = { "third-party", "cbc" },
  faults = { "refuse-cbc" },
  run = function(t)
    t:control {}
    local any = false
    for _, key in ipairs(t.profile.keys) do
      if key.algorithm:find "^A1%d%dCBC" then
        any = true
        local _, outcomes = cbc.form(t, key.kid)
        t:check("7518-5.2.3-01", expect.any(outcomes), { label = key.algorithm })
      end
    end
    if not any then t:skip "the profile names no key of A128CBC-HS256 or A192CBC-HS384" end
  end,
}

scenario "all-of-the-key" {
  title = "with A256CBC-HS512 all 64 octets of K are used, and not the first 32 or 48 for a smaller algorithm",
  covers = { "7635-4.1.1-14" },
  needs = { "third-party", "cbc" },
  faults = { "refuse-cbc", "guess-algorithm" },
  run = function(t)
    local largest
    for _, key in ipairs(t.profile.keys) do largest = largest or key.algorithm == "A256CBC-HS512" and key end
    if not largest then t:skip "the profile names no key of A256CBC-HS512" end
    t:control {}
    local form, outcomes = cbc.form(t, largest.kid)
    t:check("7635-4.1.1-14", expect.any(outcomes), { label = "64 octets" })
    if not form then return end
    local control = t:control { token = { kid = largest.kid, form = form } }
    for _, smaller in ipairs { { "A128CBC-HS256", 32 }, { "A192CBC-HS384", 48 } } do
      t:refused("7635-4.1.1-14", control, {
        token = { algorithm = smaller[1], key = largest.octets:sub(1, smaller[2]) },
      }, 401, { label = ("the first %d octets"):format(smaller[2]) })
    end
  end,
}
