-- SPDX-License-Identifier: BSD-3-Clause
--
-- One run from its beginning to its end: the target is started and waited for, the preflight learns what it must, the
-- harness runs the scenarios, records are compared and reports closed. Whatever stops it on the way, what was gathered
-- until then is reported and the target is put away.

local bench_of = require "support.bench"
local clock = require "clock"
local escape = require "reports.escape"
local harness = require "support.harness"
local interruptible = require "support.interruptible"
local launcher = require "support.launcher"
local ledger = require "support.ledger"
local name_of = require("support.address").text
local opened = require "support.opened"
local output = require "support.output"
local preflight = require "support.preflight"
local profile = require "support.profile"
local recorder = require "support.recorder"
local requirements = require "reports.requirements"
local suites = require "support.suites"
local system = require "system"
local verdict = require "support.verdict"

local session = {}
session.__index = session

local READY = 10 -- seconds within which a target answers for the first time
local LAST_LINES = 12 -- of the log of a target that was lost

-- p: the profile; chosen: scenarios; options: of the command line; rerun(id): the command that runs one again.
-- nil, text when something cannot be written, or no address be had (then `kind` is "target").
function session.open(p, chosen, options, rerun)
  local self = setmetatable({
    profile = p, chosen = chosen, options = options, counts = {}, began = clock.monotonic(),
    requirements = requirements.new(),
  }, session)
  for _, name in ipairs(verdict.names) do self.counts[name] = 0 end
  for _, one in ipairs(chosen) do self.needs_target = self.needs_target or not one.offline end

  local addresses, problem = profile.addresses(p)
  if not addresses then return nil, problem, "target" end
  self.bench = bench_of.new(p, addresses, options)
  -- What runs already has no need of time to start: the schedule of a request is enough to hear of it.
  self.ready_timeout = p.launch and (p.launch.ready_timeout or READY)
    or math.min(READY, self.bench.retransmission.total)
  self.recorder, problem = recorder.open(addresses, {
    capture = self.needs_target and options.capture ~= false, path = options.out and options.out .. "/capture.pcapng",
  })
  if not self.recorder then return nil, problem end
  self.recorder.explain = opened.by(self.bench:known(), options.with_secrets)
  self.reports, problem = output.open(options)
  if not self.reports then return nil, problem end

  self.log_folder = options.out
  if not self.log_folder then
    self.log_folder, problem = system.temporary_folder()
    if not self.log_folder then return nil, problem end
  end
  if self.needs_target and p.launch then
    self.launcher = launcher.new(p, addresses, self.log_folder .. "/target.log")
  end
  self.harness = harness.new {
    bench = self.bench, recorder = self.recorder, launcher = self.launcher, jobs = options.jobs or 32, rerun = rerun,
    ready_timeout = self.ready_timeout, rules = self.needs_target and suites.invariants() or {},
    on_result = function(result)
      self.counts[result.verdict] = self.counts[result.verdict] + 1
      -- A rule for all messages holds for those of the preflight too, so that it came to pass does not make a run one.
      local judged = result.verdict ~= "skip" and result.verdict ~= "inconclusive"
      self.judged = self.judged or (judged and not result.id:find "^invariants/")
      self.requirements:add(result)
      self.reports:scenario(result)
    end,
    on_progress = function(state) self.reports:progress(state) end,
  }
  return self
end

-- The first line of the report. Returns the instances to be run.
function session:begin(notes)
  local bench, p = self.bench, self.profile
  local instances = harness.instances(bench, self.chosen)
  local addresses = {}
  for i, transport in ipairs(bench.transports) do
    addresses[i] = transport .. " " .. name_of(bench.addresses[transport])
  end
  for _, transport in ipairs(p.transports) do
    local why = p.unreachable[transport]
    if why then notes[#notes + 1] = ("%s is left out: %s"):format(transport, why) end
  end
  local faults = self.options.faults
  self.reports:start {
    type = "run", assay = system.version(), started = clock.utc(clock.now()),
    scenarios = #instances + #self.harness.rules,
    target = { name = p.name, addresses = addresses, transports = bench.transports }, capture = self.recorder.kind,
    realm = bench.realm, server_name = bench.announced or bench.server_name, third_party = p.third_party,
    integrity_key = bench.integrity_known and bench.integrity_form or nil, notes = notes,
    faults = #faults > 0 and faults or nil,
  }
  return instances
end

-- Starts the target, if that is ours to do, and waits until it answers. nil, text when it does not.
function session:start_target(record)
  if self.launcher then
    self.bench.dead = nil
    local ok, problem = self.launcher:start(function(text) self.harness:target_died(text) end)
    if not ok then return nil, "the target did not start: " .. problem end
  end
  local ok, problem = preflight.ready(self.bench, record, self.ready_timeout, function()
    return not self.launcher or self.launcher:alive()
  end)
  if ok then return true end
  local ending = self.launcher and self.launcher:ending()
  local refused = problem:find("certificate is not trusted", 1, true)
  return nil, ("the target (%s) %s: %s%s"):format(self.profile.name,
    refused and "is not trusted" or "does not answer", problem,
    ending and "; " .. ending or "")
end

-- Another program may have taken the port that was free when it was chosen; a target that ended at once gets a second
-- one.
function session:start_target_twice(record)
  local ok, problem = self:start_target(record)
  if ok or not self.launcher or self.launcher:alive() or self.profile.ports then return ok, problem end
  local addresses = profile.addresses(self.profile)
  if not addresses then return nil, problem end
  self.launcher:stop()
  self.recorder:expect_target(addresses)
  for transport, address in pairs(addresses) do self.bench.addresses[transport] = address end
  return self:start_target(record)
end

-- Everything that an interruption may cut short.
function session:work()
  local notes = {}
  if self.needs_target then
    local record = self.recorder:record "preflight"
    local ok, problem = self:start_target_twice(record)
    if not ok then
      self:begin {}
      self.lost = problem
      return
    end
    notes = preflight.learn(self.bench, record)
    local agreed = self.bench:session_notes()
    table.move(agreed, 1, #agreed, #notes + 1, notes)
  end
  local instances = self:begin(notes)
  local ok, problem = self.harness:run(instances)
  if not ok then self.lost = ("the target was lost: %s (%s)"):format(self.bench.dead or "it died", problem) end
end

function session:interrupt()
  self.interrupted = true
  self.harness:interrupt()
end

-- Works until the end or an interruption.
function session:perform()
  local outcome = interruptible.run(function() self:work() end, { on_interrupt = function() self:interrupt() end })
  self.lost = self.lost or outcome.failure
  self:finish()
  outcome.release()
end

-- What all of it says, requirement by requirement. A run of a part of the suite speaks of that part only.
function session:report_requirements()
  local judges = table.move(self.chosen, 1, #self.chosen, 1, {})
  table.move(self.harness.rules, 1, #self.harness.rules, #judges + 1, judges)
  local whole = #self.options.suites == 0 and #self.options.filters == 0
  self.reports:ledger(ledger.after(judges, self.requirements:verdicts(), self.profile.role, whole))
end

function session:finish()
  local last_words = self.lost and self.launcher and self.launcher:tail(LAST_LINES) or ""
  local log = escape.lines(last_words, LAST_LINES, 400) -- it is the target's: any octets
  if self.launcher then self.launcher:stop() end
  local differences = self.recorder:compare()
  local written, why = self.recorder:close()
  if not written then self.reports:complain(self.options.out .. "/capture.pcapng", why) end
  local summary = {
    type = "summary", seconds = clock.monotonic() - self.began, differences = differences,
    interrupted = self.interrupted, aborted = self.lost, log = #log > 0 and log or nil, folder = self.options.out,
    planned = self.harness.planned, done = self.harness.done, usage = system.usage(),
  }
  for name, count in pairs(self.counts) do summary[name] = count end
  self:report_requirements()
  if self.lost then
    local ending = #log > 0 and "\n" .. table.concat(log, "\n") or ""
    system.write(2, ("assay: %s%s%s\n"):format(self.lost, #log > 0 and "; its last lines:" or "", ending))
    self.reports:abort(self.lost .. ending, summary)
  else
    self.reports:finish(summary)
  end
  self.reports:close()
  if not self.options.out then system.remove_folder(self.log_folder) end
end

return session
