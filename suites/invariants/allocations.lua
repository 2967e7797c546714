-- SPDX-License-Identifier: BSD-3-Clause
--
-- Allocate on a 5-tuple that has an allocation, without a transport or with one that nobody has, and what its success
-- holds, as captures show it. RFC 5766 section 6.2, RFC 7635 section 7.

local certain = require "support.certain"
local invariant = require "support.invariant"

local function judge_second(seen, facts, request, check, note)
  local code, got = certain.code(facts), certain.describe(facts)
  if not code or request.allocation ~= "held" or code == 401 or code == 438 then return end
  if not (certain.plain(request) and certain.authenticated(request) and request.form_proven) then return end
  if code == 437 or seen.complete then
    check("5766-6.2-01", code == 437, { expected = "a 437", got = got })
  elseif code == 0 then
    note("5766-6.2-01: a second Allocate succeeds on one 5-tuple, as far as this capture goes")
  end
end

local function judge_transport(facts, request, check)
  local code = certain.code(facts)
  local wanted = not request.has["REQUESTED-TRANSPORT"] and 400 or request.protocol_other and 442
  if not code or not wanted or not certain.plain(request, { transport = true }) then return end
  if not certain.authenticated(request) or request.allocation == "held" or request.allocation == "edge" then return end
  if code == 401 or code == 437 or code == 438 then return end
  check("5766-6.2-02", code == wanted, {
    label = wanted == 400 and "without" or "another protocol", expected = ("a %d"):format(wanted),
    got = certain.describe(facts),
  })
  -- Whoever asks for credentials first has passed that check when it says 400.
  if wanted == 400 and code == 400 and facts.asks_first and request.form_proven then
    check("7635-7-17", certain.signed(facts), {
      label = "400, no REQUESTED-TRANSPORT", expected = "MESSAGE-INTEGRITY under the key of the request",
      got = certain.has_integrity(facts) and "one that does not verify" or "none",
    })
  end
end

invariant "allocations" {
  title = "an allocation is made once, for a transport that there is, and its success says all about it",
  covers = { "5766-6.2-01", "5766-6.2-02", "5766-6.2-03", "7635-7-17" },
  faults = {
    "replace-allocation", "return-existing-allocation", "refuse-second-by-400", "assume-udp", "miss-transport-by-442",
    "take-any-transport", "refuse-transport-by-400", "omit-relayed-address", "omit-mapped-address", "omit-lifetime",
    "map-without-xor", "leave-400-unsigned",
  },
  role = "server",
  about = {
    class = { "success", "error" }, asked = "seen", repeated = false,
    request = { transaction = "new", method = "Allocate" },
  },
  judge = function(seen, check, note)
    local facts, request = seen.facts, seen.facts.request
    judge_second(seen, facts, request, check, note)
    judge_transport(facts, request, check)
    if facts.class ~= "success" or facts.other_method then return end
    for _, name in ipairs { "XOR-RELAYED-ADDRESS", "LIFETIME", "XOR-MAPPED-ADDRESS" } do
      check("5766-6.2-03", facts.has[name] and not facts.malformed[name], {
        label = name, expected = name, got = facts.has[name] and "one that cannot be read" or "none",
      })
    end
  end,
}
