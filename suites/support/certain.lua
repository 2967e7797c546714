-- SPDX-License-Identifier: BSD-3-Clause
--
-- What the rules for captures have in common: which answers they look at, and what has to be certain of a request
-- before its answer can be called right or wrong. A capture may have begun late and lost packets, and whoever audits it
-- may have other keys than the server: what is not certain is passed over.

local certain = {}

-- The first answer to a request that is there, and whose transaction identifier was used once.
certain.answer = { class = { "success", "error" }, asked = "seen", repeated = false, request = { transaction = "new" } }

-- Codes that may come before or in place of any other: another server, a quota, or trouble of the server's own.
local function tells_nothing(code)
  return code == 300 or code == 486 or code >= 500
end

-- The code of an answer that tells something, 0 of a success; nil of an answer that tells nothing.
function certain.code(facts)
  if facts.class == "success" then return 0 end
  local code = facts.code
  if not code or facts.reason_unreadable or tells_nothing(code) then return nil end
  return code
end

function certain.describe(facts)
  if facts.class == "success" then return "success" end
  return facts.code and ("error %d"):format(facts.code) or "an error without ERROR-CODE"
end

local ordinary = {
  ["USERNAME"] = true, ["MESSAGE-INTEGRITY"] = true, ["MESSAGE-INTEGRITY-SHA256"] = true, ["REALM"] = true,
  ["NONCE"] = true, ["ACCESS-TOKEN"] = true, ["REQUESTED-TRANSPORT"] = true, ["LIFETIME"] = true,
  ["SOFTWARE"] = true, ["FINGERPRINT"] = true, ["XOR-PEER-ADDRESS"] = true, ["CHANNEL-NUMBER"] = true,
}

local needed = {
  Allocate = { "REQUESTED-TRANSPORT" }, CreatePermission = { "XOR-PEER-ADDRESS" },
  ChannelBind = { "XOR-PEER-ADDRESS", "CHANNEL-NUMBER" },
}

-- Whether nothing is out of the ordinary with a request but, perhaps, its credentials.
-- but: { transport = true }: REQUESTED-TRANSPORT is left aside; { unknown = true }: so are unknown attributes.
function certain.plain(request, but)
  if request.cookie_wrong or request.unprotected or next(request.malformed) or next(request.twice) then return false end
  if request.required_given or (request.required_unknown and not (but and but.unknown)) then return false end
  for name in pairs(request.has) do
    if not ordinary[name] then return false end
  end
  if but and but.transport then return true end
  for _, name in ipairs(needed[request.method] or {}) do
    if not request.has[name] then return false end
  end
  return not request.protocol_other
end

-- Whether it has any integrity attribute.
function certain.has_integrity(facts)
  return facts.integrity ~= "absent" or facts.integrity_sha256 ~= "absent"
end

local forms = { whole = true, sha1 = true, cut = true }

-- Whether its integrity verifies in some form of the mac_key; the form.
function certain.signed(facts)
  if facts.integrity ~= "absent" then return forms[facts.integrity] and facts.integrity or nil end
  return forms[facts.integrity_sha256] and facts.integrity_sha256 or nil
end

-- Whether its integrity is wrong under the key of its token, whichever of the two attributes is looked at.
function certain.wrongly_signed(facts)
  local one, other = facts.integrity, facts.integrity_sha256
  if one == "absent" then return other == "invalid" end
  return one == "invalid" and (other == "invalid" or other == "absent")
end

-- Whether a request has all that the long-term mechanism asks for, with the nonce that the flow was given last: another
-- one may be why it is refused. code: of its answer; where it was let in (0), no nonce was in the way.
function certain.complete(request, code)
  local has = request.has
  return certain.has_integrity(request) and (request.nonce == "current" or code == 0) and has["USERNAME"]
    and has["REALM"] and has["NONCE"] or false
end

-- TURN has the long-term mechanism and no other (RFC 5766 section 4).
local long_term = {
  Allocate = true, Refresh = true, CreatePermission = true, ChannelBind = true, Connect = true, ConnectionBind = true,
}

-- Whether the answer to a request may be of the short-term mechanism, which has neither REALM nor NONCE (RFC 5389
-- section 10.1.2): ICE's checks are, and those of usages that nobody here knows may be.
function certain.short_term(facts, request)
  local function has(name) return facts.has[name] or request.has[name] end
  return not long_term[request.method] and not certain.takes_tokens(facts)
    and not (has "REALM" or has "NONCE" or has "ACCESS-TOKEN")
end

-- Whether nothing is wrong with its credentials: a token that is good at that moment, and integrity under its mac_key.
-- Whether the server takes that form of it (form_proven) and has taken this token before (token_proven) is open.
function certain.authenticated(request)
  return certain.complete(request) and request.token == "opened" and request.token_time == "good"
    and not request.token_endless and certain.signed(request) ~= nil
end

-- Whether the server is known to ask for credentials.
function certain.challenges(facts)
  return facts.third_party or facts.takes_tokens or facts.challenged or facts.code == 401 or false
end

-- Whether the server is known to take tokens.
function certain.takes_tokens(facts)
  return facts.third_party or facts.takes_tokens or false
end

return certain
