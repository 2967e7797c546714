-- SPDX-License-Identifier: BSD-3-Clause
--
-- The kid selects the key. RFC 7635 section 7.

local bytes = require "bytes"
local scenario = require "support.scenario"

scenario "kid-selects-the-key" {
  title = "each of two kids opens the tokens sealed under its own key",
  covers = { "7635-7-01" },
  faults = { "ask-about-tokens" },
  needs = { "two-kids" },
  run = function(t)
    local first, second = t.bench:two_kids()
    t:accepted("7635-7-01", { token = { kid = first } }, { label = "the first kid" })
    t:accepted("7635-7-01", { token = { kid = second } }, { label = "the second kid" })
  end,
}

scenario "unknown-kid" {
  title = "a kid that the server does not know gets 401",
  covers = { "7635-7-02" },
  faults = { "default-unknown-kid" },
  transports = "each",
  run = function(t)
    local control = t:control {}
    t:refused("7635-7-02", control, { username = "no-such-kid-" .. bytes.hex(bytes.random(4)) }, 401)
  end,
}

scenario "kid-in-other-case" {
  title = "the kid is compared with its case",
  covers = { "7515-4.1.4-01" },
  faults = { "fold-kid" },
  run = function(t)
    local control = t:control {}
    local kid = control.answer.request.token.kid
    local other = kid:upper() ~= kid and kid:upper() or kid:lower()
    if other == kid then t:skip "the first kid of the profile has no letters" end
    for _, key in ipairs(t.profile.keys) do
      if key.kid == other then t:skip "the profile names that kid in both cases" end
    end
    t:refused("7515-4.1.4-01", control, { username = other }, 401)
  end,
}

scenario "other-kid" {
  title = "a token sealed under another known key gets 401",
  covers = { "7635-7-03" },
  faults = { "try-other-keys" },
  needs = { "two-kids" },
  run = function(t)
    local first, second = t.bench:two_kids()
    t:control { token = { kid = second } }
    local control = t:control { token = { kid = first } }
    t:refused("7635-7-03", control, { username = second }, 401)
  end,
}
