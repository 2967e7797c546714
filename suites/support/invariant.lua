-- SPDX-License-Identifier: BSD-3-Clause
--
-- Rules that hold for every message the target ever sends, whichever scenario it comes in. A rule is a function of one
-- message and the request it answers, and of nothing else, so a capture can be judged by it without a target:
--
--     invariant "error-code" {
--       title  = "every error response has a well-formed ERROR-CODE",
--       covers = { "5389-7.3.1.1-01" },
--       faults = { … },
--       judge = function(seen, check, note)
--         check(requirement, ok, { label =, expected =, got =, soften = })    as t:check
--         note(text)                                                          what is worth knowing and has no verdict
--       end,
--     }
--
-- A rule for captures alone, which hold the words of both sides and what was said before, has
--
--       role = "server" | "client" | "token"    whose messages it judges
--       about = { class = "error", … }          facts of the messages it is about (support/audit/about.lua)
--       each = true                             it looks into their content; without it one message of a kind (the same
--                                               facts) is judged for all of them
--
-- and finds in seen also facts (engine/audit/facts.h, as engine/lua/audit_sighting.c names them), complete (everything
-- that was ever said to the server is in the capture), identities (names the user is known by) and sighting. Rules
-- without a role judge what servers send, in runs and in captures alike.
--
-- seen: octets, message (nil, and problem, where it is not well formed), request (a message, nil for what was not asked
-- for), from and to (addresses as text), asked (the address the request went to, as text), transport; where the
-- long-term keys are known (support/context.lua) token ({ mac_key =, lifetime =, presented = by this very request }),
-- keys (octets, any of which may sign) and secrets ({ name, octets } each), each nil where it is not; rfc8489 and delta
-- of the profile.
-- A rule that makes no check says nothing of that message. Its id is that of its file: invariants/error-code.

local catalogue = require "requirements.catalogue"
local verdict = require "support.verdict"

local invariant = {}

local everywhere = {
  "header", "error-code", "fingerprint", "integrity", "sha256-length", "unknown-attributes", "attributes", "lifetime",
  "secrets",
}

local captures = {
  "challenge", "announced-name", "nonces", "refusals", "token-times", "key-form", "token-behind", "unknown-required",
  "unknown-listed", "allocations", "mapped-address", "session-time", "session-key", "repeated-answers", "tokens",
  "client-requests", "large-requests", "client-sessions", "client-secrets",
}

local declared -- while they are loaded
local for_captures -- whether what is loaded is for captures alone

local function declare(name, spec)
  for _, id in ipairs(spec.covers) do
    if not catalogue.by_id[id] then
      error(("invariant %s covers '%s', which is not in the catalogue"):format(name, id), 3)
    end
  end
  declared[#declared + 1] = {
    id = "invariants/" .. name, title = spec.title, covers = spec.covers, faults = spec.faults or {},
    judge = spec.judge, role = spec.role or "server", about = spec.about, each = spec.each, captures = for_captures,
  }
end

local function load_all(load_file, names)
  for _, name in ipairs(names) do load_file(name)() end
  return declared
end

-- Those that hold for every message a target sends in a run, in a fixed order.
function invariant.all(load_file)
  declared, for_captures = {}, false
  return load_all(load_file, everywhere)
end

-- Those, and the ones for captures.
function invariant.for_captures(load_file)
  declared, for_captures = {}, false
  load_all(load_file, everywhere)
  for_captures = true
  return load_all(load_file, captures)
end

local judge = {}
judge.__index = judge

local KEPT = 3 -- messages kept as evidence of each broken check
local MOST_NOTES = 20 -- of one rule
local MOST = 100000 -- messages judged in one run; a flood may not hold it up

-- Applies all rules to messages as they come and keeps what they said.
function invariant.judge(rules)
  local self = setmetatable({ rules = rules, outcomes = {}, judged = 0 }, judge)
  for _, rule in ipairs(rules) do self.outcomes[rule.id] = { order = {}, by_name = {}, notes = {}, noted = {} } end
  return self
end

-- seen: as above; entry: what is kept as evidence.
function judge:see(seen, entry)
  if self.judged >= MOST then return end
  self.judged = self.judged + 1
  for _, rule in ipairs(self.rules) do
    rule.judge(seen, function(requirement, ok, more)
      self:check(rule, requirement, ok, more or {}, entry)
    end, function(text) self:note(rule, text) end)
  end
end

-- Each thing is noted once, and how often it was seen.
function judge:note(rule, text)
  local outcome = self.outcomes[rule.id]
  if not outcome.noted[text] and #outcome.notes < MOST_NOTES then outcome.notes[#outcome.notes + 1] = text end
  outcome.noted[text] = (outcome.noted[text] or 0) + 1
end

function judge:check(rule, requirement, ok, more, entry)
  local row = catalogue.by_id[requirement]
  local outcome = self.outcomes[rule.id]
  local name = requirement .. " " .. (more.label or "")
  local known = outcome.by_name[name]
  if not known then
    known = { requirement = requirement, row = row, label = more.label, seen = 0, broken = 0, evidence = {} }
    outcome.by_name[name] = known
    outcome.order[#outcome.order + 1] = known
  end
  known.seen = known.seen + 1
  if ok then return end
  known.broken = known.broken + 1
  -- The gravest speaks for all: what it says is shown, and whether it was softened.
  local this = more.soften and "warn" or row.verdict
  local worst = verdict.worst(known.verdict, this)
  if worst ~= known.verdict then
    known.verdict, known.soften, known.expected, known.got = worst, more.soften, more.expected, more.got
    known.evidence = {}
  end
  if this == worst and #known.evidence < KEPT then known.evidence[#known.evidence + 1] = entry end
end

-- The evidence of the checks that came to a verdict, behind what is in the list already.
local function add_evidence(list, order, wanted)
  for _, one in ipairs(order) do
    if one.broken > 0 and one.verdict == wanted then table.move(one.evidence, 1, #one.evidence, #list + 1, list) end
  end
end

-- What a rule said of all messages: checks, verdict (nil when it had nothing to say), notes and the evidence, that of
-- the gravest first.
function judge:result(rule)
  local checks, evidence, notes = {}, {}, {}
  for i, text in ipairs(self.outcomes[rule.id].notes) do
    notes[i] = ("%s (%d times)"):format(text, self.outcomes[rule.id].noted[text])
  end
  for _, one in ipairs(self.outcomes[rule.id].order) do
    local row = one.row
    checks[#checks + 1] = {
      requirement = one.requirement, level = row.level, section = row.document .. " " .. row.section,
      verdict = one.broken > 0 and one.verdict or "pass", label = one.label, text = row.text,
      expected = one.expected or "it holds for every message",
      got = one.broken > 0 and ("%s (%d of %d messages)"):format(one.got or "it does not", one.broken, one.seen)
        or ("it held for %d messages"):format(one.seen),
      soften = one.broken > 0 and one.soften or nil,
    }
  end
  add_evidence(evidence, self.outcomes[rule.id].order, "fail")
  add_evidence(evidence, self.outcomes[rule.id].order, "warn")
  return { checks = checks, verdict = verdict.of(checks), evidence = evidence, notes = notes }
end

return setmetatable(invariant, { __call = function(_, name) return function(spec) declare(name, spec) end end })
