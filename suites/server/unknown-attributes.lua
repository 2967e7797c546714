-- SPDX-License-Identifier: BSD-3-Clause
--
-- What a server does with attributes that it does not know, and with a token when it offers none. RFC 5389 section
-- 7.3.1, RFC 7635 section 7, AMB-19.

local scenario = require "support.scenario"

local NOBODY_KNOWS = 0x7FF1

scenario "unknown-attributes" {
  title = "unknown comprehension-required attributes get 420, which lists them and no others",
  covers = { "5389-7.3.1-01" },
  faults = { "refuse-unknown-by-400", "omit-unknown-list", "list-optional", "refuse-unknown-in-allocate-only" },
  needs = { "credentials" },
  transports = "each",
  run = function(t)
    t:control {}
    local answer = t:allocate {
      attributes = { { 0x7F00, "first" }, { 0xFF00, "optional" }, { 0x7F01, "second" } },
    }
    t:check("5389-7.3.1-01", answer:is_error(420), { label = "420" })
    if answer:code() ~= 420 then return end
    t:check("5389-7.3.1-01", answer:lists_unknown(0x7F00), { label = "the first is listed" })
    t:check("5389-7.3.1-01", answer:lists_unknown(0x7F01), { label = "the second is listed" })
    t:check("5389-7.3.1-01", answer:lists_unknown(0xFF00):negated "the comprehension-optional one is not listed",
      { label = "the optional one is not" })
    local refresh = t:on(t:allocation(), "Refresh", { lifetime = 600, attributes = { { 0x7F00, "unknown" } } })
    t:check("5389-7.3.1-01", refresh:is_error(420), { label = "420 to a Refresh" })
  end,
}

scenario "authentication-first" {
  title = "a request without credentials gets 401 whatever unknown attributes it has",
  covers = { "5389-7.3-01" },
  faults = { "refuse-unknown-first" },
  needs = { "credentials" },
  run = function(t)
    local answer = t:allocate { credentials = false, attributes = { { 0x7F00, "unknown" } } }
    t:check("5389-7.3-01", answer:is_error(401))
  end,
}

-- A request that is fine without the attribute; with one that nobody knows (the control of the question whether this
-- server ever says 420); with ACCESS-TOKEN.
-- accepted: its credentials were seen to be taken, so 401 is no answer to it any more.
local function judge(t, ask, accepted)
  local plain = ask {}
  if not plain:is_success().ok and plain:code() ~= 401 then
    t:inconclusive("the request without the attribute: " .. plain:describe())
  end
  local unknown = ask { { NOBODY_KNOWS, "whatever" } } -- without padding, which is another question
  local token = ask { { "ACCESS-TOKEN", t:random(64) } }
  local authenticates = not accepted and unknown:code() == 401 -- authentication comes first, and 401 passes
  if not authenticates then
    t:check("5389-7.3.1-01", unknown:is_error(420), { label = "an attribute that nobody knows" })
  end
  if unknown.malformed then
    t:note("ACCESS-TOKEN: %s", token:describe())
  elseif token:code() == 401 and not accepted then
    t:check("7635-7-19", token:is_error(401, 420))
  elseif authenticates or unknown:code() == 420 then
    t:check("7635-7-19", token:is_error(420), { label = "420" })
    if token:code() == 420 then
      t:check("7635-7-19", token:lists_unknown "ACCESS-TOKEN", { label = "0x001B is listed" })
    end
  else
    t:note("ACCESS-TOKEN: %s; this server answers no unknown attribute with 420, which is reported once",
      token:describe())
  end
end

scenario "token-in-binding" {
  title = "a server that takes no tokens answers ACCESS-TOKEN in a Binding request with 420",
  covers = { "7635-7-19", "5389-7.3.1-01" },
  faults = { "refuse-unknown-by-400", "omit-token-from-list", "drop-unexpected-token" },
  needs = { "no-third-party" },
  transports = "each",
  run = function(t)
    judge(t, function(attributes) return t:binding { credentials = false, attributes = attributes } end)
  end,
}

scenario "token-beside-a-password" {
  title = "a server that takes no tokens answers ACCESS-TOKEN in an authenticated Allocate with 420",
  covers = { "7635-7-19", "5389-7.3.1-01" },
  faults = { "refuse-unknown-by-400", "omit-token-from-list", "drop-unexpected-token" },
  needs = { "no-third-party", "users" },
  transports = "each",
  run = function(t)
    t:control { user = t.profile.users[1] }
    judge(t, function(attributes)
      local answer = t:allocate { user = t.profile.users[1], attributes = attributes }
      t:put_down(answer.client)
      return answer
    end, true)
  end,
}
