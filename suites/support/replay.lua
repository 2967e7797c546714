-- SPDX-License-Identifier: BSD-3-Clause
--
-- assay replay: the clients of a capture played to a live server, or to several beside each other, and the answers
-- compared.

local bench_of = require "support.bench"
local compare = require "support.replay.compare"
local escape = require "reports.escape"
local extract = require "support.replay.extract"
local frames = require "support.replay.frames"
local interruptible = require "support.interruptible"
local keylogs = require "support.keylogs"
local launcher = require "support.launcher"
local naming = require "support.naming"
local net = require "net"
local output = require "support.output"
local patience = require "support.patience"
local player = require "support.replay.player"
local preflight = require "support.preflight"
local profile = require "support.profile"
local record = require "support.record"
local secrets = require "support.secrets"
local system = require "system"
local verdicts = require "support.replay.verdicts"

local replay = {}

local ALIKE, DIFFERENT, USAGE, NOTHING, NOT_WRITTEN, INTERRUPTED = 0, 1, 2, 3, 4, 130
local READY <const> = 10 -- seconds within which a target answers for the first time
local LAST_LINES <const> = 5 -- of what a target printed before it died

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

-- Starts a target where that is ours to do, waits for it and learns what it announces. A stage, or nil, text, the half
-- of a stage.
local function set_stage(p, options)
  local addresses, problem = profile.addresses(p)
  if not addresses then return nil, problem end
  local stage = { profile = p, bench = bench_of.new(p, addresses, options), alive = true, notes = {} }
  if p.launch then
    stage.folder, problem = system.temporary_folder()
    if not stage.folder then return nil, problem end
    stage.launcher = launcher.new(p, addresses, stage.folder .. "/target.log")
    local ok, why = stage.launcher:start(function(text)
      stage.alive, stage.ending = false, text
      if stage.player then stage.player:stop("the target died (" .. text .. ")") end
    end)
    if not ok then return nil, "the target did not start: " .. why, stage end
  end
  -- Who waits for nothing may be talking to somebody who never answers.
  if not options.wait and not p.launch then
    stage.bench.server_name = stage.bench.server_name or ""
    return stage
  end
  local seconds = p.launch and (p.launch.ready_timeout or READY) or READY
  local ok, why = preflight.ready(stage.bench, record.none, seconds, function() return stage.alive end)
  if not ok then return nil, ("the target (%s) does not answer: %s"):format(p.name, why), stage end
  stage.notes = preflight.learn(stage.bench, record.none)
  return stage
end

local function strike(stages)
  for _, stage in ipairs(stages) do
    if stage.launcher then
      if stage.ending then stage.last_lines = escape.lines(stage.launcher:tail(LAST_LINES), LAST_LINES, 400) end
      stage.launcher:stop()
    end
    if stage.folder then system.remove_folder(stage.folder) end
  end
end

-- Compares what stages i and i + 1 answered to each request, as soon as both have.
local function pair_up(score, stages)
  local pairings = {}
  for i = 1, #stages - 1 do
    local names = { stages[i].profile.name, stages[i + 1].profile.name }
    pairings[i] = { names = names, waiting = {}, tally = compare.new(score,
      { "the answer of " .. names[1], "the answer of " .. names[2] }, true) }
  end
  local function meet(pairing, side, flow, step, outcome, octets)
    local other = pairing.waiting[step.at]
    if not other then
      pairing.waiting[step.at] = score:put_by(outcome)
      return
    end
    pairing.waiting[step.at] = nil
    local first, second = score:fetch(other), outcome
    if side == 1 then first, second = second, first end
    pairing.tally:add(flow, { name = step.name, time = step.time, frame = step.frame,
      answer = first and first.octets }, first, second, octets)
  end
  return pairings, function(place)
    return function(...)
      if pairings[place - 1] then meet(pairings[place - 1], 2, ...) end
      if pairings[place] then meet(pairings[place], 1, ...) end
    end
  end
end

local function notes_of(score, stages, damage)
  local notes = { ("%d requests on %d flows in the capture"):format(score.requests, score.flow_count) }
  local function add(...) notes[#notes + 1] = string.format(...) end
  if score.left_out > 0 then
    add("%d messages of clients were left out, as --only and --without have it", score.left_out)
  end
  if score.with_data then
    notes[1] = ("%d requests, %d Send indications and %d ChannelData on %d flows in the capture"):format(score.requests,
      score.data.send, score.data.channel, score.flow_count)
    if score.strays > 0 then
      add("%d indications and ChannelData were left out: no request of their flow stands before them", score.strays)
    end
  elseif score.unsent + score.relayed > 0 then
    add("%d Send indications, and ChannelData (%d of both sides), were left out: --data sends those of clients",
      score.unsent, score.relayed)
  end
  local sealed, minted = score:sealed(), false
  for _, stage in ipairs(stages) do minted = minted or #stage.profile.keys > 0 end
  if sealed > 0 and minted then -- a target that takes none gets them as they are
    add("%d of its tokens open under no key that was given: whatever was wrong with them, good ones stand for them "
      .. "(--captured-key KID:ALG:BASE64 gives the keys of its server)", sealed)
  end
  for _, stage in ipairs(stages) do
    local one, name = stage.player, stage.profile.name
    local tally = one.tally
    add("%s: %d requests were sent in %.2f s (%.0f a second; processor time %.2f s), %d answered as in the capture, "
      .. "%d otherwise, %d of these not at all", name, one.sent, tally.seconds,
      one.sent / math.max(tally.seconds, 1e-6), tally.processor, tally.same, tally.different, tally.unanswered)
    for _, note in ipairs(stage.notes) do add("%s: %s", name, note) end
    for _, note in ipairs(one:notes()) do add("%s: %s", name, note) end
    if stage.ending then add("%s died: %s; %s", name, stage.ending, one:last_words()) end
    for _, line in ipairs(stage.last_lines or {}) do add("%s: %s", name, line) end
  end
  add("assay took %.0f MiB of memory at most", system.usage().peak_kib / 1024)
  for _, one in ipairs(score.opaque or {}) do add("%s: opaque: %s", one.flow, one.reason) end
  if damage then add("the capture breaks off at octet %s: %s", damage.offset or "?", damage.text) end
  return notes
end

local function results_of(stages, pairings)
  local results = {}
  for _, stage in ipairs(stages) do
    local place = #stages > 1 and stage.profile.name .. "/" or ""
    for _, kind in ipairs(stage.player.tally.order) do results[#results + 1] = verdicts.of_kind(kind, place) end
    if stage.ending then results[#results + 1] = verdicts.of_death(place, stage.ending, stage.player:last_words()) end
  end
  for _, pairing in ipairs(pairings) do
    local names = table.concat(pairing.names, "-beside-") .. "/"
    for _, kind in ipairs(pairing.tally.order) do
      results[#results + 1] = verdicts.of_kind(kind, names, "both answered alike", pairing.names)
    end
  end
  return results
end

local function report(score, stages, pairings, options, interrupted)
  local results = results_of(stages, pairings)
  local names = {}
  for i, stage in ipairs(stages) do names[i] = stage.profile.name end
  local reports = assert(output.open { format = options.format })
  reports:start { type = "run", assay = system.version(), target = { name = table.concat(names, " and ") },
    scenarios = #results, notes = notes_of(score, stages, score.damage) }
  local counts = { type = "summary", pass = 0, fail = 0, warn = 0, inconclusive = 0, skip = 0 }
  for _, result in ipairs(results) do
    counts[result.verdict] = counts[result.verdict] + 1
    reports:scenario(result)
  end
  if interrupted then
    reports:abort("interrupted: this is what had been played until then", counts)
  else
    reports:finish(counts)
  end
  reports:close()
  return counts, reports.failed
end

-- What may be cut short.
local function perform(score, profiles, options, stages)
  for i, p in ipairs(profiles) do
    local stage, problem, half = set_stage(p, options)
    stages[i] = stage or half
    if not stage then return nil, problem end
  end
  local pairings, listener = pair_up(score, stages)
  stages.pairings = pairings
  for i, stage in ipairs(stages) do
    stage.player = player.new(stage.bench, options, score, #stages, #stages > 1 and listener(i) or nil)
  end
  local tasks = {}
  for i, stage in ipairs(stages) do tasks[i] = net.spawn(function() stage.player:play() end) end
  for _, task in ipairs(tasks) do
    local ok, failure = task:join()
    if not ok then error(failure, 0) end
  end
  return true
end

local function status_of(score, stages, options, interrupted)
  local counts, unwritten = report(score, stages, stages.pairings, options, interrupted)
  if interrupted then return INTERRUPTED end
  if unwritten then return NOT_WRITTEN end
  if counts.fail > 0 then return DIFFERENT end
  for _, stage in ipairs(stages) do
    if stage.player.done < score.requests then return NOTHING end
  end
  return score.damage and NOTHING or ALIKE
end

-- Plays until the end or an interruption; the report comes in either case, once there is something to report.
local function play(score, profiles, options)
  local stages = {}
  local function stop_players()
    for _, stage in ipairs(stages) do
      if stage.player then stage.player:stop "interrupted" end
    end
  end
  local outcome = interruptible.run(function() return perform(score, profiles, options, stages) end,
    { on_interrupt = stop_players, grace = 2 })
  local problem
  if outcome.failure then
    problem = score.unwritten or outcome.failure
  elseif not outcome.interrupted then
    local played, why = table.unpack(outcome.results, 1, 2)
    problem = not played and why or nil
  end
  strike(stages)
  local begun = #stages == #profiles and stages[1].player ~= nil
  local status
  if problem then
    status = complain(score.unwritten and NOT_WRITTEN or NOTHING, "%s", problem)
  elseif not begun then
    status = complain(INTERRUPTED, "interrupted before anything was replayed")
  else
    status = status_of(score, stages, options, outcome.interrupted)
  end
  outcome.release()
  return status
end

-- What opens the capture: the keys that are given for it, else those of the first target.
local function captured(options, profiles)
  local keys = table.move(profiles[1].keys, 1, #profiles[1].keys, 1, {})
  keys[#keys + 1] = profiles[1].expiring_key
  local opening = { keys = keys, users = profiles[1].users, names = options.names }
  for _, one in ipairs { { "captured_keys", "keys", "key", secrets.octets },
    { "captured_users", "users", "user", secrets.users } } do
    local words, field, noun, read = options[one[1]], one[2], one[3], one[4]
    if #words > 0 then
      local given, problem = read(words)
      local option = "--captured-" .. noun
      if not given then return nil, (problem:gsub("^%-%-" .. noun, option)) end
      if #given == 0 then return nil, ("%s: there is no %s in what it names"):format(option, noun) end
      opening[field] = given
    end
  end
  local logs, why = keylogs.read(options.keylogs)
  if not logs then return nil, why end
  opening.keylogs = logs
  return opening
end

function replay.main(options)
  if #options.files ~= 1 then return complain(USAGE, "one capture is expected, %d are named", #options.files) end
  if options.format and not output.is_form(options.format) then
    return complain(USAGE, "--format is pretty, tap, tap14 or json, not '%s'", options.format)
  end
  local wrong = patience.wrong(options)
  if wrong then return complain(USAGE, "%s", wrong) end
  options.speed = options.speed or 1
  if options.wait == nil then options.wait = true end
  local profiles, problem = profiles_of(options)
  if not profiles then return complain(USAGE, "%s", problem) end
  local opening
  opening, problem = captured(options, profiles)
  if not opening then return complain(USAGE, "%s", problem) end
  opening.data = options.data
  opening.frames, problem = frames.read(options.only, options.without)
  if problem then return complain(USAGE, "%s", problem) end
  local path = options.files[1]
  local name = naming.of(path)
  local score, why, unwritten = extract.read(path, opening)
  if not score then
    return complain(unwritten and NOT_WRITTEN or NOTHING, "%s", unwritten and why or naming.sentence(path, why))
  end
  if score.interrupted then return complain(INTERRUPTED, "interrupted while %s was read", name) end
  local cut, closed = score.damage, score.opaque and score.opaque[1]
  local damage = cut and ("it breaks off at octet %s (%s)"):format(cut.offset or "?", cut.text)
  if score.requests == 0 and score.left_out == 0 then
    local more = damage and ", and " .. damage
      or closed and (" that can be read (%s: %s)"):format(closed.flow, closed.reason) or ""
    return complain(NOTHING, "%s: there is no STUN request in it%s, so there is nothing to replay", name, more)
  end
  local idle = opening.frames and opening.frames:idle()
  if idle then return complain(USAGE, "%s: %s%s", name, idle, damage and "; " .. damage or "") end
  if score.requests == 0 then
    return complain(USAGE, "%s: --only and --without leave no request of it, so there is nothing to replay", name)
  end
  return net.run(function() return play(score, profiles, options) end)
end

return replay
