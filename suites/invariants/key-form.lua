-- SPDX-License-Identifier: BSD-3-Clause
--
-- The key that integrity is computed with, as captures show it: mac_key, all of it. RFC 7635 sections 5 and 7, RFC 5389
-- section 15.4, AMB-28.

local certain = require "support.certain"
local invariant = require "support.invariant"

local verified = { whole = true, sha1 = true, cut = true }

-- The complete mac_key, on either side.
local function judge_form(facts, request, check)
  local answered, asked, code = certain.signed(facts), certain.signed(request), certain.code(facts)
  if facts.class == "success" and answered then
    check("7635-5-05", answered ~= "cut", {
      label = "in answers", expected = "integrity under the complete mac_key",
      got = "integrity under its first 16 octets",
    })
  end
  if asked == "cut" and (code == 0 or code == 401) and (request.token == "opened" or answered) then
    check("7635-5-05", code == 401, {
      label = "in requests", expected = "a 401 to integrity under the first 16 octets of mac_key",
      got = certain.describe(facts),
    })
  elseif asked and code == 0 then
    check("7635-5-05", true, { label = "in requests" })
  end
end

local behind = { "FINGERPRINT", "MESSAGE-INTEGRITY-SHA256" }

-- What may stand behind MESSAGE-INTEGRITY changes nothing.
local function judge_behind(seen, facts, request, check)
  local code = certain.code(facts)
  if not verified[request.integrity] then return end
  for _, name in ipairs(behind) do
    if request.behind[name] then
      local soften = name == "MESSAGE-INTEGRITY-SHA256" and "AMB-27" or nil
      if code == 0 then
        check("5389-15.4-02", true, { label = name })
      elseif (code == 401 or code == 420) and seen.complete and certain.authenticated(request) and request.form_proven
        and request.kid_proven and facts.clock_proven and certain.plain(request) and request.fingerprint ~= "wrong"
        and request.integrity_sha256 ~= "invalid" then
        check("5389-15.4-02", false, {
          label = name, soften = soften, got = certain.describe(facts),
          expected = ("success, as without %s"):format(name),
        })
      end
      if code == 0 and name == "FINGERPRINT" and facts.integrity ~= "unknown" then
        check("5389-15.4-02", verified[facts.integrity], {
          label = "the integrity of the response", expected = "MESSAGE-INTEGRITY under the key of the request",
          got = facts.integrity == "absent" and "none" or "one that does not verify",
        })
      end
    end
  end
end

-- Integrity that does not verify under the mac_key of the token beside it. A success counts where its own integrity
-- shows that both ends mean that key.
local function judge_wrong(facts, request, check, note)
  local code, id = certain.code(facts), "7635-7-14"
  if not code or request.token ~= "opened" or request.behind["ACCESS-TOKEN"] or not certain.wrongly_signed(request)
    or not certain.complete(request, code) or not certain.plain(request) or code == 437 or code == 438 then
    return
  end
  if request.method ~= "Allocate" and request.method ~= "Binding" then return end
  if code == 0 then
    if certain.signed(facts) then
      check(id, false, { expected = "a 401", got = "success" })
    elseif certain.has_integrity(facts) then
      note("7635-7-14: integrity under no known form of mac_key is taken, and the answer signed with another key")
    end
  elseif request.method == "Allocate" or code == 401 then
    check(id, code == 401, { expected = "a 401", got = certain.describe(facts) })
  end
end

-- A user who is let in by a password that whoever audits does not have.
local function judge_password(facts, request, note)
  if certain.code(facts) == 0 and request.token == "absent" and not request.token_session
    and certain.wrongly_signed(request) and certain.wrongly_signed(facts) then
    note("5389-15.4-01: a request that does not verify under the password of its user is let in, and the answer does"
      .. " not either: is it the right password (--user)?")
  end
end

-- MESSAGE-INTEGRITY-SHA256 that is shorter than any may be, and nothing else that proves anything.
local function judge_short(facts, request, check)
  local code = certain.code(facts)
  if request.sha256_size == 0 or request.sha256_size >= 16 or request.integrity ~= "absent" then return end
  if code == 0 or code == 400 or code == 401 then
    check("8489-14.6-01", code ~= 0, {
      label = ("%d octets in a request"):format(request.sha256_size), expected = "a 400 or 401",
      got = certain.describe(facts),
    })
  end
end

invariant "key-form" {
  title = "integrity is computed and verified with the complete mac_key",
  covers = { "7635-5-05", "5389-15.4-02", "7635-7-14", "8489-14.6-01" },
  faults = {
    "truncate-integrity-key", "sign-with-truncated-key", "accept-truncated-key", "skip-integrity",
    "sign-before-software", "sign-with-final-length", "misjudge-before-fingerprint", "misjudge-before-sha256",
    "refuse-integrity-by-431", "compare-four-octets", "accept-zeroed-integrity", "ignore-integrity-of-binding",
    "accept-short-sha256",
  },
  role = "server",
  about = certain.answer,
  judge = function(seen, check, note)
    local facts, request = seen.facts, seen.facts.request
    if not certain.has_integrity(request) then return end
    judge_form(facts, request, check)
    judge_behind(seen, facts, request, check)
    judge_short(facts, request, check)
    judge_wrong(facts, request, check, note)
    judge_password(facts, request, note)
  end,
}
