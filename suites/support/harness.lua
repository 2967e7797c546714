-- SPDX-License-Identifier: BSD-3-Clause
--
-- Runs scenarios: many at once, those that must be alone one by one, and none of them against a dead target. When the
-- target dies while several run, nobody can say whose message it was; so they are all given up, the target is started
-- again, and each runs alone: the one that kills it then is the one that is blamed. One that found no room for its
-- allocation beside the others is run once more, alone; so is one that came too late after the target's start.

local bench_of = require "support.bench"
local clock = require "clock"
local exchange = require "support.exchange"
local hands = require "support.hands"
local invariant = require "support.invariant"
local net = require "net"
local preflight = require "support.preflight"
local scenario = require "support.scenario"
local stop = require "support.stop"
local verdict = require "support.verdict"

local harness = {}
harness.__index = harness

local most_restarts = 400 -- of the target in one run: a bound, far above what a run needs

-- rules: the invariants that all messages are judged by. bench, recorder; options: jobs, rerun(id) → command;
-- launcher: nil for a target that assay did not start.
-- on_result(result) takes each result as soon as there is one, on_progress(state) is told of every change.
function harness.new(fields)
  fields.running, fields.done, fields.failed = {}, 0, 0
  fields.judge = invariant.judge(fields.rules)
  fields.recorder.on_message = function(seen, entry) fields.judge:see(seen, entry) end
  local self = setmetatable(fields, harness)
  -- For a scenario that runs alone and takes the target's death upon itself (support/battery.lua): while `held` is a
  -- function it is called then, and nothing is cancelled.
  fields.bench.custody = {
    launched = fields.launcher ~= nil, rerun = fields.rerun,
    give_up = function(why) self:give_up_target(why) end, revive = function() return self:revive() end,
  }
  return self
end

local function is_about(one, transport)
  for _, feature in ipairs(one.needs) do
    if bench_of.concerns(feature, transport) == false then return false end
  end
  return true
end

-- The transports that a scenario is shown over: all or the first of those that it can be about; where it is about none
-- of the target's, the first, so that it is seen to be skipped. What cannot be reached comes last.
local function transports_of(bench, one)
  local profile = bench.profile
  if one.only_transport then return { one.only_transport } end
  local fitting = {}
  for _, list in ipairs { bench.transports, profile.transports } do
    for _, name in ipairs(list) do
      local fits = is_about(one, name) and (list == bench.transports or not bench.addresses[name])
      if fits and (one.each_transport or #fitting == 0) then fitting[#fitting + 1] = name end
    end
  end
  return #fitting > 0 and fitting or { profile.transports[1] }
end

-- Scenarios -> instances: a scenario over one transport, with the id that reports use.
function harness.instances(bench, scenarios)
  local list = {}
  for _, one in ipairs(scenarios) do
    for _, transport in ipairs(transports_of(bench, one)) do
      local suffix = transport ~= bench.profile.transports[1] and "@" .. transport or ""
      -- An id without a transport is that of the first, and on the command line that of all.
      local again = one.each_transport and one.id .. "@" .. transport or nil
      list[#list + 1] = { scenario = one, transport = transport, id = one.id .. suffix, again = again }
    end
  end
  return list
end

-- Why the target is not asked at all, or nil.
local function not_offered(bench, instance)
  local one, profile = instance.scenario, bench.profile
  if one.offline then return nil end
  if not profile.features[instance.transport] then
    return ("the profile names no port for %s"):format(instance.transport)
  end
  if profile.unreachable[instance.transport] then return profile.unreachable[instance.transport] end
  local needs = one.needs
  for _, feature in ipairs(needs) do
    if bench.concerns(feature, instance.transport) == false and profile.features[feature] then
      return ("it is about %s"):format(scenario.about[feature])
    end
    if not profile.features[feature] then return "not so here: " .. scenario.features[feature] end
  end
  local about_any = false
  for _, feature in ipairs(needs) do
    about_any = about_any or feature == "third-party" or feature == "no-third-party" or feature == "credentials"
  end
  if not about_any and not profile.third_party then return "not so here: " .. scenario.features["third-party"] end
  if one.harm and not profile.may_harm then
    return profile.launch and "it may harm the target, whose profile says may_harm = false"
      or "it may harm the target, which assay did not launch and whose profile does not say may_harm = true"
  end
  if profile.max_allocations and one.allocations > profile.max_allocations then
    return ("it holds %d allocations at once, the profile allows %d"):format(one.allocations, profile.max_allocations)
  end
end

local function sections_of(covers)
  local catalogue = require "requirements.catalogue"
  local seen, list = {}, {}
  for _, id in ipairs(covers) do
    local row = catalogue.by_id[id]
    local name = row.document .. " " .. row.section
    if not seen[name] then
      seen[name] = true
      list[#list + 1] = name
    end
  end
  return list
end

function harness:result(instance, fields)
  local one = instance.scenario
  local result = {
    type = "scenario", id = instance.id, title = one.title, transport = instance.transport,
    requirements = one.covers, sections = sections_of(one.covers),
    verdict = fields.verdict, checks = fields.checks or {}, reason = fields.reason, notes = fields.notes or {},
    seconds = fields.seconds or 0, exchange = fields.exchange or {}, traceback = fields.traceback,
    rerun = self.rerun(instance.again or instance.id),
  }
  self.done = self.done + 1
  if result.verdict == "fail" then self.failed = self.failed + 1 end
  self.on_result(result)
  self:progress()
end

function harness:progress()
  local ids = {}
  for instance in pairs(self.running) do ids[#ids + 1] = instance.id end
  table.sort(ids)
  self.on_progress { done = self.done, planned = self.planned, running = ids, failed = self.failed }
end

-- The first check that made the verdict, in words; nil where there is nothing to explain.
local function reason_of(checks, wanted)
  if wanted == "pass" then return nil end
  for _, check in ipairs(checks) do
    if check.verdict == wanted then
      return ("%s: expected %s; got %s"):format(check.requirement, check.expected, check.got)
    end
  end
end

-- The outcome of a scenario that ran to its end or stopped itself.
local function conclude(t, thrown, traceback)
  local kind, reason = stop.of(thrown)
  local fields = { checks = t.checks, notes = t.notes }
  fields.verdict = verdict.of(t.checks)
  for _, ruling in ipairs(t.rulings) do fields.verdict = verdict.worst(fields.verdict, ruling.verdict) end
  if thrown and not kind then
    kind, reason, fields.traceback = "inconclusive", "an error in the suite: " .. tostring(thrown), traceback
  elseif not fields.verdict and not kind then
    kind, reason = "inconclusive", "it made no check"
  end
  if kind == "again" then kind, fields.again = "inconclusive", reason end
  if kind == "skip" and fields.verdict then
    t:note("left early: %s", reason)
  else
    fields.verdict = verdict.worst(fields.verdict, kind)
  end
  fields.reason = kind == fields.verdict and reason or reason_of(t.checks, fields.verdict)
  for _, ruling in ipairs(t.rulings) do
    if ruling.verdict == fields.verdict and ruling.verdict ~= "pass" then
      fields.reason = fields.reason or ruling.reason
    end
  end
  return fields
end

local SLICE <const> = 1000000 -- instructions of Lua between two looks at the clock

-- Runs the scenario's function in the calling task. One that computes and never waits would keep everything else from
-- running, the timer of its limit too, so it is stopped from within.
local function perform(t)
  local thrown, traceback
  local limit = t.scenario.limit
  local latest = clock.monotonic() + limit
  debug.sethook(function()
    if clock.monotonic() > latest then error(("it computes without waiting, after %d s"):format(limit), 2) end
  end, "", SLICE)
  local ok = xpcall(t.scenario.run, function(value)
    thrown = value
    if not stop.of(value) then traceback = debug.traceback(tostring(value), 2) end
  end, t)
  debug.sethook()
  if ok then return nil end
  return thrown, traceback
end

local PROBES = 3 -- whole schedules without an answer before a target counts as lost

-- Why the target counts as lost; nil while it answers. One exchange may be lost, several in a row on fresh sockets and
-- on each transport are not.
function harness:silence(transport)
  local why
  for attempt = 1, PROBES do
    local transports = self.bench.transports
    local through = attempt == 1 and transport or transports[(attempt - 1) % #transports + 1]
    local lives
    lives, why = preflight.answers(self.bench, self.liveness, through)
    if lives or self.bench.dead then return nil end
  end
  return why
end

-- What was seen of a target that gives one request two answers of different kinds is no observation: nobody can say
-- which of them is its word. A client that was failed by the first one was failed.
local function doubt(fields, contradiction)
  if not contradiction then return end
  for _, check in ipairs(fields.checks) do
    if check.verdict == "pass" then check.verdict, check.got = "inconclusive", contradiction end
  end
  if fields.verdict == "pass" then fields.verdict, fields.reason = "inconclusive", contradiction end
end

-- The task of one scenario: what it does, then whether the target outlived it. Returns fields of a result; lost is set
-- when the target answers no more.
function harness:task(instance, t)
  local thrown, traceback = perform(t)
  local fields = conclude(t, thrown, traceback)
  t:put_all_down()
  if not instance.scenario.offline and not self.bench.dead then
    fields.lost = self:silence(instance.transport)
  end
  -- Sockets stay open until the target has answered behind the scenario, so that a second answer is not missed for the
  -- moment by which it came later.
  t:finish()
  doubt(fields, t.record.contradiction)
  return fields
end

-- The code by which a scenario was told that there is no room for an allocation, which others may have taken up.
local function found_no_room(t)
  for _, one in ipairs(t.clients) do
    if one.no_room then return one.no_room end
  end
end

-- Whether the outcome may be owed to the company that the instance ran in, or to its place in the run: then it is run
-- again, once.
function harness:deserves_another(instance, t, fields, alone)
  if instance.why_again or fields.verdict ~= "inconclusive" then return false end
  local code = not alone and found_no_room(t)
  if fields.again and self.launcher then
    instance.why_again, instance.anew = fields.again, true
  elseif code then
    instance.why_again = ("%d while other scenarios ran: the target has room for few allocations, which "
      .. "max_allocations in the profile may say"):format(code)
  end
  return instance.why_again ~= nil
end

-- Runs one instance and reports it. alone: nothing else runs, so a death is this one's. Returns false when it has to be
-- run again, alone.
function harness:run_one(instance, alone)
  local why_not = not_offered(self.bench, instance)
  if why_not then
    self:result(instance, { verdict = "skip", reason = why_not })
    return true
  end
  local one = instance.scenario
  self.bench.limits:reserve(one.allocations)
  local record = self.recorder:record(instance.id)
  local t = hands.new(self.bench, instance, record)
  local began = clock.monotonic()
  local task = net.spawn(function() return self:task(instance, t) end)
  self.running[instance] = task
  self:progress()
  local ok, fields = task:join(one.limit)
  if not ok then
    task:cancel()
    task:join(5)
    t:finish()
  end
  self.running[instance] = nil
  self.bench.custody.held = nil
  self.bench.limits:release(one.allocations)
  if self.interrupted then return true end

  if ok and fields.lost and not self.bench.dead then self:give_up_target(fields.lost) end
  if self.bench.dead then
    if not alone and self.launcher then return false end
    fields = self:blame(instance, t, record, ok and fields)
  elseif not ok then
    local checks_so_far = verdict.of(t.checks)
    fields = { checks = t.checks, notes = t.notes, verdict = verdict.worst(checks_so_far, "inconclusive"),
      reason = fields == "timeout" and ("given up after %d s"):format(one.limit) or tostring(fields) }
  elseif self:deserves_another(instance, t, fields, alone) then
    return false
  end
  if instance.why_again then table.insert(fields.notes, 1, "run again, alone: " .. instance.why_again) end
  fields.seconds = clock.monotonic() - began
  record:resolve()
  fields.exchange = record:exchange(fields.verdict ~= "pass")
  self:result(instance, fields)
  return true
end

-- The first of the requirements whose worst verdict is fail; nil where none is.
local function gravest(covers)
  local catalogue = require "requirements.catalogue"
  for _, id in ipairs(covers) do
    if catalogue.by_id[id].verdict == "fail" then return catalogue.by_id[id] end
  end
end

-- The target died, or stopped answering, while this instance ran alone (or beside others at a target that cannot be
-- started again, where nobody can be blamed).
function harness:blame(instance, t, record, fields)
  local last = t.last_words or record:last_sent()
  local after = last and (" after %s"):format(last) or ""
  fields = fields or { checks = t.checks, notes = t.notes }
  if not self.launcher then
    fields.verdict = verdict.worst(verdict.of(fields.checks), "inconclusive")
    for _, check in ipairs(fields.checks) do
      if check.silent then check.verdict = "inconclusive" end
    end
    fields.verdict = verdict.worst(verdict.of(fields.checks), "inconclusive")
    fields.reason = ("the target answers no more%s (%s)"):format(after, self.bench.dead)
    return fields
  end
  -- A death is a failure whatever the scenario is about. It is laid to a requirement whose breaking is one; where the
  -- scenario has none, to none: the verdict of a requirement is never made harder than the catalogue has it.
  local row = gravest(instance.scenario.covers)
  if row then
    fields.checks[#fields.checks + 1] = {
      requirement = row.id, level = row.level, section = row.document .. " " .. row.section, verdict = row.verdict,
      label = "the target lives", text = row.text, expected = "a target that goes on serving",
      got = ("%s%s"):format(self.bench.dead, after),
    }
  end
  fields.verdict = "fail"
  fields.reason = ("%s%s"):format(self.bench.dead, after)
  return fields
end

-- A target that lives as a process and answers nobody is put out of its misery; then it is dead like any other.
function harness:give_up_target(why)
  self:target_died(("it stopped answering (%s)"):format(why))
  if self.launcher then self.launcher:stop() end
end

-- Told by whoever notices first: everything that runs is given up.
function harness:target_died(text)
  if self.bench.dead then return end
  self.bench.dead = text
  if self.bench.custody.held then return self.bench.custody.held() end
  for _, task in pairs(self.running) do task:cancel() end
end

-- Starts the target again. nil, text when it does not come up, or was not ours to start.
function harness:revive()
  if not self.launcher then return nil, "assay did not launch it, so it is not started again" end
  if self.launcher.starts > most_restarts then return nil, ("it died %d times"):format(most_restarts) end
  self.launcher:stop()
  local ok, problem = self.launcher:start(function(text) self:target_died(text) end)
  if ok then
    self.bench.dead = nil
    self.bench.silence:started_anew()
    ok, problem = preflight.ready(self.bench, self.liveness, self.ready_timeout,
      function() return self.launcher:alive() end)
  end
  return ok, problem
end

-- Runs instances beside each other until the list is empty or the target is dead. Returns those to be run alone.
function harness:together(list)
  local suspects, workers = {}, {}
  local function work()
    while #list > 0 and not self.bench.dead and not self.interrupted do
      local instance = table.remove(list, 1)
      if not self:run_one(instance, false) then suspects[#suspects + 1] = instance end
    end
  end
  for i = 1, math.min(self.jobs, #list) do workers[i] = net.spawn(work) end
  for _, worker in ipairs(workers) do
    local ok, problem = worker:join()
    if not ok and not self.interrupted then error(problem, 0) end
  end
  return suspects
end

-- Runs all. nil, text when the target was lost for good; the results up to then have been reported.
function harness:run(instances)
  self.planned = #instances + #self.rules
  self.began = clock.now()
  self.liveness = self.recorder:record "liveness"
  local shared, alone = {}, {}
  self.again = {} -- what the command line calls an instance, by its id
  for _, instance in ipairs(instances) do self.again[instance.id] = instance.again or instance.id end
  for _, instance in ipairs(instances) do
    local list = instance.scenario.alone and alone or shared
    -- Those that watch a clock which runs since the target's start go first.
    local place = instance.scenario.early and list == shared and 1 or #list + 1
    table.insert(list, place, instance)
  end
  while #shared > 0 and not self.interrupted do
    local suspects = self:together(shared)
    table.move(suspects, 1, #suspects, #alone + 1, alone)
    if self.bench.dead then
      local ok, problem = self:revive()
      if not ok then return nil, problem end
    end
  end
  while #alone > 0 and not self.interrupted do
    local instance = table.remove(alone, 1)
    if instance.anew then
      local ok, problem = self:revive()
      if not ok then return nil, problem end
    end
    if not self:run_one(instance, true) then alone[#alone + 1] = instance end
    if self.bench.dead and not self.interrupted then
      local ok, problem = self:revive()
      if not ok then return nil, problem end
    end
  end
  if not self.interrupted then self:report_invariants() end
  return true
end

-- The rules for every message, after all messages came.
function harness:report_invariants()
  for _, rule in ipairs(self.rules) do
    local said = self.judge:result(rule)
    -- It is no scenario: what shows it again is the one whose messages are its evidence, or the whole run.
    local scene = said.evidence[1] and said.evidence[1].scene or ""
    self:result({ id = rule.id, scenario = rule, again = self.again[scene] or "" }, {
      verdict = said.verdict or "skip", checks = said.checks, notes = said.notes,
      reason = not said.verdict and "no message came that it speaks of" or reason_of(said.checks, said.verdict),
      exchange = exchange.of(said.evidence, self.began, true, self.recorder.explain),
    })
  end
end

-- Stops at once; what ran is given up without a verdict.
function harness:interrupt()
  self.interrupted = true
  for _, task in pairs(self.running) do task:cancel() end
end

return harness
