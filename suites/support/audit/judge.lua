-- SPDX-License-Identifier: BSD-3-Clause
--
-- The rules (support/invariant.lua) applied to the messages of one capture. What they say becomes findings, each known
-- by a number: the engine counts how often each was made, and where, so that a thousand messages of one kind cost one
-- call. What a finding says stays here, with the first exchange that showed it.

local about = require "support.audit.about"
local address = require "support.address"
local catalogue = require "requirements.catalogue"
local context = require "support.context"
local exchange = require "support.exchange"
local stun = require "stun"

local judge = {}
judge.__index = judge

local MOST <const> = 60000 -- findings of one capture
local VARIANTS <const> = 20 -- of one broken check, by what was got; what comes on top is told as one

-- known: keys ({ kid =, algorithm =, octets = } each), users, delta, complete, rfc8489, identities.
function judge.new(rules, known)
  return setmetatable({ rules = rules, known = known, findings = {}, by_key = {}, variants = {}, chosen = {} }, judge)
end

local readers = {
  octets = function(seen) return seen.sighting:octets() end,
  problem = function(seen) return seen.sighting:problem() end,
  message = function(seen)
    return not seen.problem and seen.facts.class ~= "channel" and stun.parse(seen.octets) or nil
  end,
  request_octets = function(seen) return seen.sighting:request() end,
  request = function(seen) return seen.request_octets and stun.parse(seen.request_octets) or nil end,
  from = function(seen) return address.text(seen.sighting:from()) end,
  to = function(seen) return address.text(seen.sighting:to()) end,
  asked = function(seen) return seen.request and seen.from or nil end, -- an answer is found by its 5-tuple
  transport = function(seen) return seen.facts.transport end,
  time = function(seen) return (seen.sighting:time()) end,
  token = function(seen) return seen.sighting:token() end,
  server_name = function(seen) return seen.sighting:server_name() end,
  keys = function(seen) return seen.token and seen.token.mac_key and context.forms(seen.token.mac_key) or nil end,
  secrets = function(seen)
    local list = {}
    for _, key in ipairs(seen.known.keys) do list[#list + 1] = { "a long-term key", key.octets } end
    for _, user in ipairs(seen.known.users) do list[#list + 1] = { "a password", user.password } end
    if seen.keys then list[#list + 1] = { "the mac_key", seen.token.mac_key } end
    return list
  end,
}

-- What is asked for is read once; most rules want little of it. false is kept for what is not there.
local lazily = {
  __index = function(seen, name)
    local read = readers[name]
    if not read then return nil end
    local value = seen.read[name]
    if value == nil then
      value = read(seen) or false
      seen.read[name] = value
    end
    return value or nil
  end,
}

-- `seen` as rules take it.
function judge:seen(sighting)
  local known = self.known
  return setmetatable({
    read = {}, sighting = sighting, known = known, facts = sighting:facts(), delta = known.delta,
    complete = known.complete, rfc8489 = known.rfc8489, identities = known.identities,
  }, lazily)
end

-- What was sent and answered, as evidence (support/exchange.lua).
local function exchange_of(seen)
  local place, facts = seen.sighting:place(), seen.facts
  local asked_frame, asked_time = seen.sighting:asked()
  local entries, from, to = {}, seen.sighting:from(), seen.sighting:to()
  local answer = facts.class == "success" or facts.class == "error"
  if answer and seen.request_octets then
    entries[1] = {
      time = asked_time, direction = "sent", transport = facts.transport, from = to, to = from,
      octets = seen.request_octets, frame = asked_frame, step = "request",
    }
  end
  entries[#entries + 1] = {
    time = seen.time, direction = facts.sender == "server" and "received" or "sent", transport = facts.transport,
    from = from, to = to, octets = seen.octets, frame = place.frame, step = facts.class,
  }
  return exchange.of(entries, entries[1].time, true)
end

-- The number of what a rule said; nil when there are too many different ones.
function judge:number(finding, key, seen)
  local number = self.by_key[key]
  if number or #self.findings >= MOST then return number end
  number = #self.findings + 1
  if finding.verdict ~= "pass" then finding.exchange = exchange_of(seen) end
  self.findings[number], self.by_key[key] = finding, number
  return number
end

function judge:check(rule, seen, requirement, ok, more)
  local row = catalogue.by_id[requirement]
  local key = ("%s %s %s"):format(rule.id, requirement, more.label or "")
  local finding = { rule = rule.id, requirement = requirement, row = row, label = more.label, verdict = "pass" }
  if ok then return self:number(finding, key, seen) end
  finding.verdict = more.soften and "warn" or row.verdict
  finding.expected, finding.got, finding.soften = more.expected, more.got, more.soften
  key = ("%s %s %s"):format(key, finding.verdict, more.soften or "")
  local variant = key .. " " .. (more.got or "")
  if not self.by_key[variant] then
    self.variants[key] = (self.variants[key] or 0) + 1
    if self.variants[key] > VARIANTS then
      variant, finding.got = key .. " others", "others like these"
    end
  end
  return self:number(finding, variant, seen)
end

-- Applies the rules in `list`; returns the numbers of what they said, each once.
function judge:apply(list, sighting)
  local seen, numbers, there = self:seen(sighting), {}, {}
  local function add(number)
    if number and not there[number] then
      there[number] = true
      numbers[#numbers + 1] = number
    end
  end
  for _, rule in ipairs(list) do
    rule.judge(seen, function(requirement, ok, more)
      add(self:check(rule, seen, requirement, ok, more or {}))
    end, function(text)
      add(self:number({ rule = rule.id, verdict = "note", text = text }, rule.id .. " note " .. text, seen))
    end)
  end
  return numbers
end

-- Whether a rule about a role is about what that side sends. Tokens are sent by clients. Binding indications come of
-- either, and nobody is to blame for them.
local function is_by(role, sender)
  return sender == (role == "token" and "client" or role)
end

function judge:about(sighting, each)
  local facts, list = sighting:facts(), {}
  for _, rule in ipairs(self.rules) do
    if (rule.each or false) == each and is_by(rule.role, facts.sender) and about.matches(rule.about, facts) then
      list[#list + 1] = rule
    end
  end
  return list
end

-- For audit.run: what holds for all messages of a kind, and whether some rule wants to see each of them.
function judge:kind(sighting)
  return self:apply(self:about(sighting, false), sighting), #self:about(sighting, true) > 0
end

function judge:each(sighting)
  return self:apply(self:about(sighting, true), sighting)
end

return judge
