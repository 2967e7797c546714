-- SPDX-License-Identifier: BSD-3-Clause
--
-- What came back to one request: a STUN message, or the way in which none came. Its methods are expectations
-- (support/expect.lua), written so that a check reads as its requirement does.

local expect = require "support.expect"
local stun = require "stun"

local reply = {}
reply.__index = reply

-- Answers that say nothing of the rule under test: the target has no room, or sends us elsewhere. RFC 5766 section 14,
-- RFC 5389 section 11.
local busy = {
  [300] = "it sends us to another server (300)", [486] = "its allocation quota is reached (486)",
  [500] = "it has a temporary error (500)", [508] = "it has not the capacity (508)",
}

-- "an Allocate", "a Refresh".
local function a(method)
  return (method:match "^[AEIOU]" and "an " or "a ") .. method
end

-- fields: message (or nil), failure (text, where there is no message), info (of the transaction), client, request
function reply.new(fields)
  return setmetatable(fields, reply)
end

-- The error code, or nil where this is no error response or has none that can be read.
function reply:code()
  if not self.message or self.message:class() ~= "error" then return nil end
  local value = self.message:get "ERROR-CODE"
  return value and value.code
end

-- What came, for a person: "Allocate error response 401 (Unauthorized)".
function reply:describe()
  local m = self.message
  if not m then return self.failure end
  if m:class() ~= "error" then return ("%s %s response"):format(m:method(), m:class()) end
  local value = m:get "ERROR-CODE"
  if not value then return ("%s error response without a readable ERROR-CODE"):format(m:method()) end
  return ("%s error response %d%s"):format(m:method(), value.code,
    value.reason ~= "" and (" (%s)"):format(value.reason) or "")
end

-- Is this an answer from which something can be concluded? Pushed into every expectation about the reply's kind.
local function trouble(self, wanted)
  if not self.message then
    if self.silent or self.closed then return { silent = true, unclear = self.unclear } end
    return { unclear = self.failure }
  end
  local code = self:code()
  -- Refusing a token that is as good as we can make it says nothing where even the clock may be the reason.
  local doubt = self.client.bench.no_token_accepted
  if code == 401 and doubt and self.request.token and not wanted[401] then return { unclear = doubt } end
  if code and busy[code] and not wanted[code] then return { unclear = busy[code] } end
  if self.unclear then return { unclear = self.unclear } end
  return {}
end

function reply:is_success()
  local m = self.message
  local more = trouble(self, {})
  return expect.new(m and m:class() == "success" or self.deleted_before, a(self.request.method) .. " success response",
    self:describe(), more)
end

-- An error response with one of the codes.
function reply:is_error(...)
  local codes, wanted = { ... }, {}
  for _, code in ipairs(codes) do wanted[code] = true end
  local more = trouble(self, wanted)
  local names = table.concat(codes, " or ")
  return expect.new(wanted[self:code()], ("%s error response %s"):format(a(self.request.method), names),
    self:describe(), more)
end

-- Any response at all, or (for a stream) a close: what a server may do with a request that is beyond repair.
function reply:is_response()
  return expect.new(self.message ~= nil, "a response", self:describe(), self.message and {} or trouble(self, {}))
end

-- No success, or a stream that was closed instead of an answer.
function reply:is_refused_or_closed()
  local expected = "no success response, or the end of the connection"
  if self.closed and not self.unsent then return expect.new(true, expected, self.failure) end
  if self.silent then return expect.new(false, expected, self:describe(), trouble(self, {})) end
  return self:is_refused()
end

-- An answer that is no success, whichever: what else it should be is left to other checks. Silence shows nothing.
function reply:is_refused()
  local m = self.message
  local more = trouble(self, {})
  if not m and not self.closed then more = { unclear = more.unclear or self:describe() } end
  return expect.new(not (m and m:class() == "success"), "no success response", self:describe(), more)
end

-- Does the message hold the attribute (with a value, unless empty may be)?
function reply:has(attribute)
  if not self.message then
    return expect.new(false, attribute .. " in the response", self.failure, trouble(self, {}))
  end
  local value = self.message:raw(attribute)
  return expect.new(value and #value > 0, ("%s with a value in the %s"):format(attribute, self:describe()),
    not value and ("no %s in it"):format(attribute) or #value == 0 and ("%s is empty"):format(attribute)
      or ("%s of %d octets"):format(attribute, #value), trouble(self, {}))
end

function reply:lacks(...)
  local found = {}
  local names = { ... }
  if not self.message then
    return expect.new(false, "a response without " .. table.concat(names, ", "), self.failure, trouble(self, {}))
  end
  for _, name in ipairs(names) do
    if self.message:has(name) then found[#found + 1] = name end
  end
  return expect.new(#found == 0, ("no %s in the %s"):format(table.concat(names, ", no "), self:describe()),
    #found == 0 and "none of them is there" or table.concat(found, ", ") .. " in it", trouble(self, {}))
end

-- The attribute occurs `count` times.
function reply:occurs(attribute, count)
  local found = self.message and self.message:count(attribute) or 0
  return expect.new(found == count, ("%s %d time%s in the response"):format(attribute, count, count == 1 and "" or "s"),
    self.message and ("%d of them"):format(found) or self.failure, trouble(self, {}))
end

function reply:get(attribute)
  return self.message and self.message:get(attribute)
end

function reply:raw(attribute)
  return self.message and self.message:raw(attribute)
end

-- The attributes in which a message can carry integrity, the one the request used first.
local function integrity_of(self, key)
  local m = self.message
  for _, attribute in ipairs { self.request.integrity_attribute or "MESSAGE-INTEGRITY", "MESSAGE-INTEGRITY",
    "MESSAGE-INTEGRITY-SHA256" } do
    local outcome = m:integrity(key, attribute)
    if outcome ~= "absent" then return outcome, attribute end
  end
  return "absent"
end

-- MESSAGE-INTEGRITY (or MESSAGE-INTEGRITY-SHA256) is there and verifies under `key`, by default that of the request.
function reply:is_signed(key)
  if not self.message then return expect.new(false, "a signed response", self.failure, trouble(self, {})) end
  local outcome, attribute = integrity_of(self, key or self.request.key)
  return expect.new(outcome == "valid",
    ("integrity under %s in the %s"):format(self.request.key_name or "the session key", self:describe()),
    outcome == "absent" and "no MESSAGE-INTEGRITY in it"
      or ("%s, which %s"):format(attribute, outcome == "valid" and "verifies" or "does not verify"), trouble(self, {}))
end

-- No integrity, or one that verifies under a key that the client knows (AMB-13).
function reply:is_unsigned_or_signed()
  if not self.message then return expect.new(false, "a response", self.failure, trouble(self, {})) end
  local keys = self.request.known_keys or { self.request.key }
  local outcome, attribute
  for _, key in ipairs(keys) do
    outcome, attribute = integrity_of(self, key)
    if outcome ~= "invalid" then break end
  end
  if not outcome then outcome = self.message:has "MESSAGE-INTEGRITY" and "invalid" or "absent" end
  return expect.new(outcome ~= "invalid",
    ("no MESSAGE-INTEGRITY in the %s, or one that the client can verify"):format(self:describe()),
    outcome == "absent" and "none" or ("%s, which %s"):format(attribute or "MESSAGE-INTEGRITY",
      outcome == "valid" and "verifies" or "verifies under no key of the request"))
end

-- Whole seconds, rounded up, from the first sending of the request to this answer; 0 where there is none. What the
-- target counts down may be less by as much: an answer that was lost is given again to a retransmission (RFC 5389
-- 7.3.1).
function reply:seconds()
  local info = self.info or {}
  return info.sent and info.received and math.ceil(info.received - info.sent) or 0
end

-- A number in an attribute is at most `most`.
function reply:at_most(attribute, most)
  local value = self:get(attribute)
  local served = self:is_success()
  if not served.ok then
    return expect.new(false, ("%s of at most %d"):format(attribute, most), served.got,
      { unclear = served.unclear or "no success response to look at: " .. served.got })
  end
  if math.type(value) ~= "integer" then
    return expect.new(false, ("%s of at most %d"):format(attribute, most), "no " .. attribute, trouble(self, {}))
  end
  return expect.new(value <= most, ("%s of at most %d"):format(attribute, most), ("%s %d"):format(attribute, value))
end

-- A number in an attribute is at least `least`.
function reply:at_least(attribute, least)
  local value, served = self:get(attribute), self:is_success()
  local expected = ("%s of at least %d"):format(attribute, least)
  if not served.ok then
    return expect.new(false, expected, served.got,
      { unclear = served.unclear or "no success response to look at: " .. served.got })
  end
  local number = math.type(value) == "integer"
  return expect.new(number and value >= least, expected,
    number and ("%s %d"):format(attribute, value) or "no " .. attribute)
end

-- The lists of types in UNKNOWN-ATTRIBUTES, and whether a type is in it.
function reply:lists_unknown(attribute)
  local types = self:get "UNKNOWN-ATTRIBUTES"
  local known = stun.attribute(attribute)
  local wanted = math.type(attribute) == "integer" and attribute or known.type
  local shown, found = {}, false
  for i, one in ipairs(type(types) == "table" and types or {}) do
    shown[i] = ("0x%04X"):format(one)
    found = found or one == wanted
  end
  return expect.new(found, ("0x%04X in UNKNOWN-ATTRIBUTES of the %s"):format(wanted, self:describe()),
    #shown > 0 and table.concat(shown, ", ") or "no UNKNOWN-ATTRIBUTES", trouble(self, {}))
end

return reply
