-- SPDX-License-Identifier: BSD-3-Clause
--
-- How clients use tokens, as captures show it. RFC 7635 sections 4 and 9, AMB-21, AMB-25.

local certain = require "support.certain"
local invariant = require "support.invariant"

-- TURN methods that a token has no place in. Binding in a usage of its own may have one.
local elsewhere = {
  CreatePermission = true, ChannelBind = true, Connect = true, ConnectionBind = true, Send = true,
}

-- The first request to a server. ICE signs its Binding requests from the first one on, and is another usage.
local function judge_first(seen, facts, check, note)
  if not facts.first or facts.method ~= "Allocate" then return end
  local bare = not certain.has_integrity(facts)
  for _, name in ipairs { "USERNAME", "REALM", "NONCE", "ACCESS-TOKEN" } do bare = bare and not facts.has[name] end
  if bare or seen.complete then
    check("7635-4-01", bare, { expected = "a first request without credentials", got = "one with credentials" })
  else
    note "7635-4-01: the first request to a server has credentials, as far as this capture goes back"
  end
end

local function judge_place(facts, check)
  if elsewhere[facts.method] and (facts.token ~= "absent" or facts.token_session) then
    check("7635-9-02", not facts.has["ACCESS-TOKEN"], {
      expected = "ACCESS-TOKEN in Allocate and Refresh alone", got = "one in " .. facts.method,
    })
  end
  if facts.class ~= "request" or (facts.method ~= "Allocate" and facts.method ~= "Refresh") then return end
  if facts.token ~= "absent" and certain.has_integrity(facts) then
    check("7635-9-03", true, { label = facts.method })
  elseif facts.token_session and certain.signed(facts) then
    check("7635-9-03", false, {
      label = facts.method, expected = "ACCESS-TOKEN", got = "none, and integrity under the mac_key of the session",
      soften = facts.method == "Refresh" and "AMB-25" or nil,
    })
  end
end

-- One 5-tuple is one client; others from the same host may be others.
local function judge_current(seen, facts, check, note)
  local use = facts.token_use
  if not use then return end
  if use == "turns" then
    if not facts.token_same then
      note "7635-9-15: tokens of one host are used by turns, of one client or of several"
    end
  elseif use ~= "earlier" and use ~= "crossed" then
    check("7635-9-15", true)
  elseif facts.token_session and not facts.token_same and (use == "earlier" or seen.complete) then
    check("7635-9-15", false, {
      expected = "the token that replaced this one", got = "a token that had been replaced",
    })
  end
end

invariant "client-sessions" {
  title = "a token is sent when it is asked for, in Allocate and Refresh, and one at a time",
  covers = { "7635-4-01", "7635-9-02", "7635-9-03", "7635-9-15" },
  role = "client",
  about = { class = { "request", "indication" }, transaction = { false, "new" } },
  judge = function(seen, check, note)
    local facts = seen.facts
    judge_first(seen, facts, check, note)
    judge_place(facts, check)
    judge_current(seen, facts, check, note)
  end,
}
