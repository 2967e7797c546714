-- SPDX-License-Identifier: BSD-3-Clause
--
-- assay replay: the clients of a capture played to a live server, or to several, and the answers compared.

local bench_of = require "support.bench"
local compare = require "support.replay.compare"
local escape = require "reports.escape"
local extract = require "support.replay.extract"
local launcher = require "support.launcher"
local net = require "net"
local output = require "support.output"
local player = require "support.replay.player"
local preflight = require "support.preflight"
local profile = require "support.profile"
local stun = require "stun"
local system = require "system"
local verdict = require "support.verdict"

local replay = {}

local ALIKE, DIFFERENT, USAGE, NOTHING, NOT_WRITTEN, INTERRUPTED = 0, 1, 2, 3, 4, 130
local READY <const> = 10 -- seconds within which a target answers for the first time
local unrecorded = { watch = function() end }

local function complain(status, format, ...)
  system.write(2, "assay: " .. escape.printable(format:format(...), 500) .. "\n")
  return status
end

-- The profiles that the command line names. nil, text.
local function profiles_of(options)
  if #options.targets == 0 then
    local p, problem = profile.of(options)
    return p and { p }, problem
  end
  local list = {}
  for i, path in ipairs(options.targets) do
    local one = setmetatable({ target = path }, { __index = options })
    local p, problem = profile.of(one)
    if not p then return nil, problem end
    list[i] = p
  end
  return list
end

-- The names that the capture's own servers announce, with which its tokens can be opened.
local function names_in(score, given)
  local names = {}
  for _, name in ipairs(given) do names[name] = true end
  for _, flow in ipairs(score.flows) do
    for _, step in ipairs(flow.steps) do
      local answer = step.answer and step.answer:find("\x80\x2E", 1, true) and stun.parse(step.answer)
      local name = answer and answer:raw "THIRD-PARTY-AUTHORIZATION"
      if name then names[name] = true end
    end
  end
  return names
end

-- Starts a target where that is ours to do, waits for it and learns what it announces. A stage, or nil, text.
local function set_stage(p, options)
  local addresses, problem = profile.addresses(p)
  if not addresses then return nil, problem end
  local stage = { profile = p, bench = bench_of.new(p, addresses, options), alive = true }
  if p.launch then
    stage.folder, problem = system.temporary_folder()
    if not stage.folder then return nil, problem end
    stage.launcher = launcher.new(p, addresses, stage.folder .. "/target.log")
    local ok, why = stage.launcher:start(function(text) stage.alive, stage.ending = false, text end)
    if not ok then return nil, "the target did not start: " .. why end
  end
  -- Who waits for nothing may be talking to somebody who never answers.
  if not options.wait and not p.launch then
    stage.bench.server_name, stage.notes = stage.bench.server_name or "", {}
    return stage
  end
  local patience = p.launch and (p.launch.ready_timeout or READY) or READY
  local ok, why = preflight.ready(stage.bench, unrecorded, patience, function() return stage.alive end)
  if not ok then return nil, ("the target (%s) does not answer: %s"):format(p.name, why), stage end
  stage.notes = preflight.learn(stage.bench, unrecorded)
  return stage
end

local function strike(stages)
  for _, stage in ipairs(stages) do
    if stage.launcher then stage.launcher:stop() end
    if stage.folder then system.remove_folder(stage.folder) end
  end
end

-- Another class or code differs; other attributes are worth a warning, for servers are free to add some.
local function verdict_of(kind)
  local worst = "pass"
  for _, difference in ipairs(kind.differences) do worst = verdict.worst(worst, difference.verdict) end
  return worst
end

-- One kind of request at one target, as a scenario is reported.
local function result_of(kind, place)
  local result = {
    type = "scenario", id = ("replay/%s%s"):format(place, kind.name:gsub(",? ", "-")), requirements = {}, checks = {},
    verdict = verdict_of(kind), notes = kind.notes,
    title = ("%d request%s: %s"):format(kind.count, kind.count == 1 and "" or "s",
      #kind.differences == 0 and "answered as in the capture" or ("%d answered as in the capture"):format(kind.same)),
  }
  for i, difference in ipairs(kind.differences) do
    result.checks[i] = {
      verdict = difference.verdict, level = "captured", label = difference.text, expected = kind.outcome,
      got = ("%s, %d of %d (frame%s %s%s of the capture)"):format(difference.text, difference.count, kind.count,
        #difference.frames == 1 and "" or "s", table.concat(difference.frames, ", "),
        difference.count > #difference.frames and ", ..." or ""),
    }
  end
  result.exchange = kind.differences[1] and kind.differences[1].exchange or {}
  return result
end

-- Where two targets answered one request differently, as results.
local function between(score, one, other, names)
  local tally = compare.new()
  for _, flow in ipairs(score.flows) do
    for _, step in ipairs(flow.steps) do
      local a, b = step.live and step.live[one], step.live and step.live[other]
      if a ~= nil and b ~= nil then
        tally:add(flow, { octets = step.octets, time = step.time, frame = step.frame, name = step.name,
          answer = a and a.octets, answered = step.time, answer_frame = nil }, a or nil, b or nil, step.octets)
      end
    end
  end
  local results = {}
  for i, kind in ipairs(tally.order) do results[i] = result_of(kind, names .. "/") end
  return results
end

local function report(score, stages, tallies, options, damage)
  local results = {}
  for i, tally in ipairs(tallies) do
    local place = #tallies > 1 and stages[i].profile.name .. "/" or ""
    for _, kind in ipairs(tally.order) do results[#results + 1] = result_of(kind, place) end
  end
  for i = 1, #tallies - 1 do
    local names = ("%s-beside-%s"):format(stages[i].profile.name, stages[i + 1].profile.name)
    local list = between(score, tallies[i], tallies[i + 1], names)
    table.move(list, 1, #list, #results + 1, results)
  end
  local reports = assert(output.open { format = options.format })
  local notes = {
    ("%d requests on %d flows in the capture"):format(score.requests, #score.flows),
  }
  for i, tally in ipairs(tallies) do
    notes[#notes + 1] = ("%s: %d requests were sent in %.2f s (%.0f a second), %d answered as in the capture, %d otherwise, %d of these not at all")
      :format(stages[i].profile.name, tally.sent, tally.seconds, tally.sent / math.max(tally.seconds, 1e-6), tally.same,
        tally.different, tally.unanswered)
    for _, note in ipairs(stages[i].notes) do notes[#notes + 1] = stages[i].profile.name .. ": " .. note end
    if stages[i].ending then notes[#notes + 1] = ("%s died: %s"):format(stages[i].profile.name, stages[i].ending) end
  end
  for _, one in ipairs(score.opaque or {}) do notes[#notes + 1] = ("%s: opaque: %s"):format(one.flow, one.reason) end
  if damage then notes[#notes + 1] = ("the capture breaks off at octet %s: %s"):format(damage.offset or "?", damage.text) end
  local names = {}
  for i, stage in ipairs(stages) do names[i] = stage.profile.name end
  reports:start { type = "run", assay = "0.1.0", target = { name = table.concat(names, " and ") }, scenarios = #results,
    notes = notes }
  local counts = { type = "summary", pass = 0, fail = 0, warn = 0, inconclusive = 0, skip = 0 }
  for _, result in ipairs(results) do
    counts[result.verdict] = counts[result.verdict] + 1
    reports:scenario(result)
  end
  reports:finish(counts)
  reports:close()
  return counts, reports.failed
end

local function perform(score, profiles, options)
  local stages, tallies = {}, {}
  for i, p in ipairs(profiles) do
    local stage, problem, half = set_stage(p, options)
    stages[#stages + 1] = stage or half
    if not stage then
      strike(stages)
      return complain(NOTHING, "%s", problem)
    end
    tallies[i] = player.new(stage.bench, options, names_in(score, options.names)):play(score)
  end
  strike(stages)
  local counts, unwritten = report(score, stages, tallies, options, score.damage)
  if unwritten then return NOT_WRITTEN end
  if counts.fail > 0 then return DIFFERENT end
  return score.damage and NOTHING or ALIKE
end

function replay.main(options)
  if #options.files ~= 1 then return complain(USAGE, "one capture is expected, %d are named", #options.files) end
  if options.format and not output.is_form(options.format) then
    return complain(USAGE, "--format is pretty, tap, tap14 or json, not '%s'", options.format)
  end
  options.speed = options.speed or 1
  if options.wait == nil then options.wait = true end
  local profiles, wrong = profiles_of(options)
  if not profiles then return complain(USAGE, "%s", wrong) end
  local keylogs = {}
  for i, path in ipairs(options.keylogs) do
    local text, why = system.read(path)
    if not text then return complain(USAGE, "--keylog: %s", why) end
    keylogs[i] = text
  end
  local path = options.files[1]
  local score, problem = extract.read(path, keylogs)
  if not score then return complain(NOTHING, "%s: %s", path, problem) end
  if score.requests == 0 then
    return complain(NOTHING, "%s: there is no STUN request in it, so there is nothing to replay", path)
  end
  return net.run(function()
    local done, status = net.condition(), nil
    local worker = net.spawn(function() return perform(score, profiles, options) end)
    local handles = {}
    for _, name in ipairs { "INT", "TERM", "HUP" } do
      handles[#handles + 1] = net.on_signal(name, function()
        status = INTERRUPTED
        done:notify()
      end)
    end
    net.spawn(function()
      local ok, outcome = worker:join()
      if not status then status = ok and outcome or complain(NOTHING, "assay itself failed: %s", outcome) end
      done:notify()
    end)
    done:wait()
    for _, handle in ipairs(handles) do handle:close() end
    return status
  end)
end

return replay
