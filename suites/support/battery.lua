-- SPDX-License-Identifier: BSD-3-Clause
--
-- Fires malformed messages at the target (battery/firing.lua) and says what became of it: each kind of defect that it
-- did not outlive is a finding (battery/finding.lua), and a verdict. The messages are descriptions, so that they can be
-- made anew in another session (support/malformed.lua).
--
-- What is fired does not pass the recorder; the last of a reproduction does, so that report and capture show the deadly
-- messages.

local clock = require "clock"
local expect = require "support.expect"
local finding = require "support.battery.finding"
local firing = require "support.battery.firing"
local mutation = require "support.mutation"
local session = require "support.battery.session"
local stop = require "support.stop"
local transports = require "support.transports"

local battery = {}
battery.__index = battery

local MOST_FINDINGS = 3 -- in one scenario, each of another kind of defect
local MOST_ON_STREAM = 1500 -- messages of one scenario over TCP or TLS
local MOST_SILENCE = 240 -- seconds that scenarios of a run may take in which the target fell silent

-- t: the hands of a scenario that is alone and may do harm. transport: where the messages go.
local function new(t, transport)
  return setmetatable({
    t = t, bench = t.bench, firing = firing.new(t, transport or t.transport), findings = {}, seconds = 0, fired = 0,
  }, battery)
end

-- Fires a list. A target that dies of one kind of defect is spared the rest of that kind.
function battery:run(list)
  local spared, position, batch = {}, 1, {}
  local own = self.firing
  local from = self:begin()
  -- The messages of the batch from first to last were too much: who is blamed, and a fresh start.
  local function lost(first, last, problem)
    self:pause(from)
    local sent = table.move(batch, first, last, 1, {})
    local found = finding.of(self.t, own, sent, problem)
    self.findings[#self.findings + 1] = found
    self.silenced = self.silenced or found.silent
    for _, one in ipairs(found.confirmed and found.messages or sent) do spared[one.class] = true end
    if not self.bench.dead then from = self:begin() end
  end
  while position <= #list and #self.findings < MOST_FINDINGS and not self.bench.dead do
    batch = {}
    while position <= #list and #batch < firing.BATCH do
      if not spared[list[position].class] then batch[#batch + 1] = list[position] end
      position = position + 1
    end
    local first = 1
    while first <= #batch do
      local last, lives, problem = own:batch(batch, first, from)
      table.move(batch, first, last, #own.life + 1, own.life)
      if not lives then
        lost(first, last, problem)
        break
      end
      first = last + 1
    end
  end
  if #own.life > 0 and not self.bench.dead then
    local lives, problem = own:settled(from, true)
    if not lives then lost(1, #batch, problem) end
  end
  if not self.bench.dead then self:pause(from) end
end

-- The control. It ends the scenario where the target does not answer, and counts as a silence then.
function battery:control()
  local before = self.silenced
  self.silenced = true
  self.t:control {}
  self.silenced = before
end

-- A session that the target answered on, else nothing can be decided.
function battery:session()
  local from = session.new(self.firing)
  local lives, problem = from:renew(firing.PATIENT)
  self.silenced = self.silenced or not lives
  if not lives then stop.inconclusive("no challenge to begin with: " .. tostring(problem)) end
  return from
end

-- A session to fire on, from when on messages and seconds count.
function battery:begin()
  local from = self:session()
  self.began, self.sent_before = clock.monotonic(), self.firing.sent
  return from
end

function battery:pause(from)
  from:close()
  self.seconds = self.seconds + clock.monotonic() - self.began
  self.fired = self.fired + self.firing.sent - self.sent_before
end

-- A target that dies is started again at once; one that falls silent is waited for at each question. One that does so
-- again and again would hold a run for hours, and say the same each time: then what is left is not looked at. Returns
-- what has to be closed at the end of the scenario, however that comes.
local function account(self)
  local bench, began = self.bench, clock.monotonic()
  bench.fell_silent = bench.fell_silent or { seconds = 0, ids = {} }
  local before = bench.fell_silent
  if before.seconds >= MOST_SILENCE then
    self.t:inconclusive(("not looked at, since the target fell silent in %s, which took %.0f s: a run of this scenario "
      .. "alone looks at it"):format(table.concat(before.ids, ", "), before.seconds))
  end
  return setmetatable({}, { __close = function()
    if not self.silenced then return end
    before.seconds = before.seconds + clock.monotonic() - began
    before.ids[#before.ids + 1] = self.t.id
  end })
end

-- What the scenarios of robustness do: the target takes a valid token before, withstands a list of messages, and takes
-- a valid token afterwards. more: make(session) → the list; transport; requirement: the row that a death breaks, if
-- the catalogue has one (RFC 5389 section 7.3, by which a message with an error is discarded, has no row: a death then
-- makes the verdict and cites nothing); answers = true: their form is judged too.
function battery.withstands(t, more)
  local self = new(t, more.transport)
  local own = self.firing
  local _ <close> = account(self)
  own:refresh()
  self:control()
  local from = self:session()
  local list = more.make(from)
  if not transports.is_datagram(own.transport) and #list > MOST_ON_STREAM then
    t:note("%d of %d messages, since many need a connection of their own", MOST_ON_STREAM, #list)
    list = mutation.spread(list, MOST_ON_STREAM)
  end
  from:close()
  self:run(list)
  own:close()
  t.bench.custody.held = nil
  t.last_words = ("%d malformed messages, the last: %s"):format(own.sent, #list > 0 and list[#list].what or "none")
  t:note("%d malformed messages over %s from seed %d, %.0f a second; %d answers, %d of them a success%s", self.fired,
    own.transport, t.bench.seed, self.fired / math.max(self.seconds, 1e-6), own.answers, own.successes,
    own.not_made > 0 and ("; %d more do not apply here, or do not fit"):format(own.not_made) or "")
  for _, found in ipairs(self.findings) do self:report(found, more.requirement) end
  if #self.findings == 0 then
    t:rule(more.requirement, expect.new(true, "a target that goes on serving", "it serves"),
      { label = "the target lives" })
  end
  if more.answers then
    t:check("5389-6-01", expect.new(own.malformed_answers == 0, "every answer to them is a well-formed STUN message",
      own.malformed_answer or ("%d answers are"):format(own.answers)))
  end
  if not t.bench.dead then self:control() end
end

-- A finding becomes a verdict and notes.
function battery:report(found, requirement)
  local t = self.t
  local unsure = found.silent and not found.confirmed
  t:rule(requirement, expect.new(false, "a target that goes on serving", found:describe(), {
    unclear = unsure and found:describe() or nil,
  }), { label = "the target lives: " .. found.messages[#found.messages].class })
  if found.path then
    t:note("%s sends it again: %s", found.path, found.command)
  elseif found.problem then
    t:note("the reproducer cannot be written: %s", found.problem)
  else
    t:note("a run with --out DIR writes a reproducer of %d message%s", #found.messages,
      #found.messages == 1 and "" or "s")
  end
end

-- Sends a reproducer (support/reproducer.lua), recorded. The target must outlive it.
function battery.reproduce(t, reproducer)
  if not t.profile.features[reproducer.transport] then
    t:inconclusive(("the reproducer is for %s, which the profile does not name"):format(reproducer.transport))
  end
  local own = firing.new(t, reproducer.transport)
  local deadly, ending = own:does(reproducer.messages, t.bench.custody.launched and finding.MOST_TRIES or 1, t.record)
  t.bench.custody.held = nil
  t:note("%d of %d messages were sent over %s", own.sent, #reproducer.messages, own.transport)
  if own.sent == 0 then t:inconclusive "none of its messages can be made for this target" end
  local found = finding.new { ending = ending, confirmed = true, messages = reproducer.messages }
  t:rule(nil, expect.new(not deadly, "a target that goes on serving", deadly and found:describe() or "it serves"))
end

return battery
