-- SPDX-License-Identifier: BSD-3-Clause
--
-- assay run: profile, selection, target, preflight, scenarios, reports, exit status; in this order.

local bench_of = require "support.bench"
local clock = require "clock"
local harness = require "support.harness"
local launcher = require "support.launcher"
local net = require "net"
local output = require "support.output"
local preflight = require "support.preflight"
local profile = require "support.profile"
local recorder = require "support.recorder"
local suites = require "support.suites"
local system = require "system"
local verdict = require "support.verdict"

local run = {}

local PASSED, FAILED, USAGE, NO_VERDICT, NOT_WRITTEN, INTERRUPTED = 0, 1, 2, 3, 4, 130

local function complain(status, format, ...)
  system.write(2, ("assay: " .. format .. "\n"):format(...))
  return status
end

-- A word of a shell command line, quoted where it has to be.
local function shell_word(word)
  if word:match "^[%w%./:@_=,+-]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- The command that runs one scenario again. Keys and passwords are not in it: they come from the environment again.
local function rerun_of(options)
  local words = { "assay run" }
  local function add(name, value) words[#words + 1] = "--" .. name .. (value and " " .. shell_word(value) or "") end
  if options.target then add("target", options.target) end
  if options.server then add("server", options.server) end
  for _, one in ipairs(options.transports) do add("transport", one) end
  if options.server_name then add("server-name", options.server_name) end
  if options.realm then add("realm", options.realm) end
  if options.third_party == false then add "no-third-party" end
  if options.launch then add("launch", options.launch) end
  for _, one in ipairs(options.faults) do add("fault", one) end
  for _, word in ipairs(options.keys) do
    add("key", word:sub(1, 1) == "@" and word or word:match "^(.+):[^:]+$" .. ":BASE64")
  end
  for _, word in ipairs(options.users) do
    add("user", word:sub(1, 1) == "@" and word or word:match "^([^:]+)" .. ":PASSWORD")
  end
  local command = table.concat(words, " ")
  return function(id) return command .. " " .. shell_word(id) end
end

local function exit_status(counts, options, flags)
  if flags.interrupted then return INTERRUPTED end
  if flags.not_written then return NOT_WRITTEN end
  if counts.fail > 0 or (options.strict and counts.warn > 0) then return FAILED end
  if flags.lost or counts.inconclusive > 0 or counts.pass + counts.warn == 0 then return NO_VERDICT end
  return PASSED
end

local function utc(seconds)
  local days = seconds // 86400
  local rest = math.floor(seconds % 86400)
  -- Howard Hinnant's civil-from-days, for years from 1970 on.
  local z = math.tointeger(days) + 719468
  local era = z // 146097
  local day_of_era = z - era * 146097
  local year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
  local day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
  local month_index = (5 * day_of_year + 2) // 153
  local day = day_of_year - (153 * month_index + 2) // 5 + 1
  local month = month_index < 10 and month_index + 3 or month_index - 9
  local year = year_of_era + era * 400 + (month <= 2 and 1 or 0)
  return ("%04d-%02d-%02dT%02d:%02d:%02dZ"):format(year, month, day, rest // 3600, rest % 3600 // 60, rest % 60)
end

local function describe(bench, options, kind, planned, notes)
  local names = {}
  for _, transport in ipairs(bench.profile.transports) do
    names[#names + 1] = transport .. " " .. recorder.name_of(bench.addresses[transport])
  end
  return {
    type = "run", assay = options.version, started = utc(clock.now()), scenarios = planned, capture = kind,
    target = { name = bench.profile.name, addresses = names, transports = bench.profile.transports },
    realm = bench.realm, server_name = bench.announced or bench.server_name,
    third_party = bench.profile.third_party, integrity_key = bench.profile.third_party and bench.integrity_form or nil,
    notes = notes, faults = #options.faults > 0 and options.faults or nil,
  }
end

-- Everything after the command line is known to be right. Runs inside the event loop.
local function perform(p, chosen, options)
  local addresses, problem = profile.addresses(p)
  if not addresses then return complain(NO_VERDICT, "%s", problem) end
  local needs_target = false
  for _, one in ipairs(chosen) do needs_target = needs_target or not one.offline end
  local bench = bench_of.new(p, addresses, options)
  local log_folder = options.out or system.temporary_folder()
  local log = log_folder .. "/target.log"

  local recording
  recording, problem = recorder.open(addresses, {
    capture = needs_target and options.capture ~= false, path = options.out and options.out .. "/capture.pcapng",
  })
  if not recording then return complain(NOT_WRITTEN, "%s", problem) end
  local reports
  reports, problem = output.open(options)
  if not reports then return complain(NOT_WRITTEN, "%s", problem) end

  local counts = {}
  for _, name in ipairs(verdict.names) do counts[name] = 0 end
  local starter = needs_target and p.launch and launcher.new(p, addresses, log)
  local flags, began = {}, clock.monotonic()
  local conductor = harness.new {
    bench = bench, recorder = recording, launcher = starter, jobs = options.jobs or 32, rerun = rerun_of(options),
    ready_timeout = p.launch and p.launch.ready_timeout or 10,
    on_result = function(result)
      counts[result.verdict] = counts[result.verdict] + 1
      reports:scenario(result)
    end,
    on_progress = function(state) reports:progress(state) end,
  }

  local main_task_interrupt = net.condition()
  local handles = {}
  for _, name in ipairs { "INT", "TERM", "HUP" } do
    handles[#handles + 1] = net.on_signal(name, function()
      flags.interrupted = true
      conductor:interrupt()
      main_task_interrupt:notify()
    end)
  end

  local function begin(notes)
    local instances = harness.instances(bench, chosen)
    reports:start(describe(bench, options, recording.kind, #instances, notes))
    return instances
  end

  -- Start, preflight and scenarios, in a task of their own so that an interruption ends whichever it is in.
  local function work()
    local ok, why = true, nil
    if starter then
      ok, why = starter:start(function(text) conductor:target_died(text) end)
      if not ok then
        begin {}
        flags.lost = "the target did not start: " .. why
        return
      end
    end
    local record = recording:record "preflight"
    if needs_target then
      ok, why = preflight.ready(bench, record, conductor.ready_timeout, function()
        return not starter or starter:alive()
      end)
    end
    if not ok then
      begin {}
      flags.lost = ("the target (%s) does not answer: %s%s"):format(p.name, why,
        bench.dead and "; " .. bench.dead or "")
      return
    end
    local instances = begin(needs_target and preflight.learn(bench, record) or {})
    ok, why = conductor:run(instances)
    if not ok then flags.lost = ("the target was lost: %s (%s)"):format(bench.dead or "it died", why) end
  end

  local worker = net.spawn(work)
  local ended = net.spawn(function()
    local ok, failure = worker:join()
    if not ok and not flags.interrupted then flags.bug = failure end
    main_task_interrupt:notify()
  end)
  main_task_interrupt:wait()
  if flags.interrupted then
    worker:cancel()
    worker:join(5)
  end
  ended:join(5)
  for _, handle in ipairs(handles) do handle:close() end

  local last_words = flags.lost and starter and starter:tail(12)
  if starter then starter:stop() end
  local differences = recording:compare()
  local written, why = recording:close()
  if not written then reports:complain(options.out .. "/capture.pcapng", why) end

  if flags.bug then
    complain(NO_VERDICT, "this is a bug of assay: %s", flags.bug)
    flags.lost = flags.lost or "assay itself failed; its message is on stderr"
  end
  if flags.lost then
    complain(NO_VERDICT, "%s%s", flags.lost,
      last_words and last_words ~= "" and "; its last lines:\n" .. last_words or "")
  end
  local summary = {
    type = "summary", seconds = clock.monotonic() - began, differences = differences, interrupted = flags.interrupted,
    aborted = flags.lost or nil, folder = options.out, planned = conductor.planned, done = conductor.done,
    usage = system.usage(),
  }
  for name, count in pairs(counts) do summary[name] = count end
  if flags.lost then reports:abort(flags.lost, summary) else reports:finish(summary) end
  reports:close()
  if not options.out then system.remove_folder(log_folder) end
  flags.not_written = reports.failed
  return exit_status(counts, options, flags)
end

function run.main(options)
  options.version = options.version or "0.1.0"
  if options.format and not output.is_form(options.format) then
    return complain(USAGE, "--format is pretty, tap, tap14 or json, not '%s'", options.format)
  end
  local p, problem = profile.of(options)
  if not p then return complain(USAGE, "%s", problem) end
  local chosen
  chosen, problem = suites.select(options.suites, options.filters, p.role)
  if not chosen then return complain(USAGE, "%s", problem) end
  if options.out then
    local made, why = system.make_folder(options.out)
    if not made then return complain(NOT_WRITTEN, "%s", why) end
  end
  return net.run(perform, p, chosen, options)
end

return run
