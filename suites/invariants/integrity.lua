-- SPDX-License-Identifier: BSD-3-Clause
--
-- The integrity of answers in a token session: the key that signed the request signs the answer. RFC 7635 section 7,
-- AMB-13. A request that does not verify under a key of its token or session is left to the scenarios that send such.

local invariant = require "support.invariant"

-- Codes that the checks themselves give: RFC 5389 10.2.2 would rather have these unsigned. 300, 500 and 508 may come
-- before any check.
local before_the_end = { [300] = true, [400] = true, [401] = true, [438] = true, [500] = true, [508] = true }

-- What a server may see before it looks at the credentials, which is judged by 5389-7.3-01 and not again here: unsigned
-- they say nothing of what comes after.
local looked_at_early = { [420] = true, [442] = true }

local attributes = { "MESSAGE-INTEGRITY", "MESSAGE-INTEGRITY-SHA256" }

-- The outcome of the first integrity attribute: "valid", "invalid", "absent".
local function outcome_of(message, key)
  for _, attribute in ipairs(attributes) do
    local outcome = message:integrity(key, attribute)
    if outcome ~= "absent" then return outcome end
  end
  return "absent"
end

local words = { valid = "one that verifies", invalid = "one that does not verify", absent = "none" }

invariant "integrity" {
  title = "answers in a token session are signed with the key that signed the request",
  covers = { "7635-7-16", "7635-7-17", "7635-7-18", "7635-9-12" },
  faults = { "leave-allocate-unsigned", "leave-createpermission-unsigned", "sign-errors-wrongly", "sign-401-wrongly" },
  judge = function(seen, check)
    local m, request = seen.message, seen.request
    if not m or not request or not seen.keys then return end
    local signing
    for _, key in ipairs(seen.keys) do
      if not signing and outcome_of(request, key) == "valid" then signing = key end
    end
    if not signing then return end
    local outcome, class = outcome_of(m, signing), m:class()
    local got = words[outcome]
    if class == "success" then
      local method = request:method()
      local presents = request:has "ACCESS-TOKEN" or method == "Refresh"
      check(presents and "7635-7-16" or "7635-9-12", outcome == "valid", {
        label = "success", expected = "MESSAGE-INTEGRITY under the key of the request", got = got,
      })
    elseif class == "error" then
      local value = m:get "ERROR-CODE"
      if not value then return end
      if before_the_end[value.code] then
        check("7635-7-18", outcome ~= "invalid", {
          label = "before the checks have passed", got = got,
          expected = "no MESSAGE-INTEGRITY, or one under the key of the request",
        })
      elseif request:has "ACCESS-TOKEN" and not (looked_at_early[value.code] and outcome == "absent") then
        check("7635-7-17", outcome == "valid", {
          label = "later errors", expected = "MESSAGE-INTEGRITY under the key of the request", got = got,
        })
      end
    end
  end,
}
