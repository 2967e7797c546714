-- SPDX-License-Identifier: BSD-3-Clause
--
-- assay audit: the traffic in captures judged by the rules for every message. Each capture is read once and by itself
-- (audit/judge.lua); what came of it are records (audit/records.lua), from which all reports are made.

local audit = require "audit"
local files = require "support.audit.files"
local json = require "json"
local judge = require "support.audit.judge"
local keylogs = require "support.keylogs"
local naming = require "support.naming"
local records = require "support.audit.records"
local report = require "reports.audit"
local secrets = require "support.secrets"
local suites = require "support.suites"
local system = require "system"
local workers = require "workers"

local main = {}

local USAGE <const>, NO_VERDICT <const>, NOT_WRITTEN <const> = 2, 3, 4
local WRONG_COPY <const> = { input = USAGE, annotate = NOT_WRITTEN }

local function complain(status, format, ...)
  system.write(2, "assay: " .. format:format(...) .. "\n")
  return status
end

-- What whoever audits knows and wants; nil, text when the command line is wrong.
local function known_from(options)
  local keys, problem = secrets.octets(options.keys)
  if not keys then return nil, problem end
  local users, bad = secrets.users(options.users)
  if not users then return nil, bad end
  local logs, why = keylogs.read(options.keylogs)
  if not logs then return nil, why end
  return {
    keys = keys, users = users, keylogs = logs, server_name = options.server_name,
    delta = math.tointeger(options.delta or 5), complete = options.complete, rfc8489 = options.rfc8489,
    identities = options.identities,
    -- Where Delta is stated, what is 10 s beyond it is over (AMB-06): but for the time until a packet is on its way. Of
    -- captures that are not complete only what an hour separates is certain.
    far = options.delta and options.complete and math.tointeger(options.delta) + 8 or nil,
  }
end

-- The records of one capture as lines of JSON. nil, text and a status when its annotated copy could not be written.
local function audit_file(path, rules, known, options)
  local court = judge.new(rules, known)
  local outcome, problem, whose = audit.run {
    path = path, keys = known.keys, users = known.users, keylogs = known.keylogs,
    identities = known.identities, server_name = known.server_name,
    delta = known.delta, far = known.far, flows = options.sessions, every = options.every,
    kind = function(sighting) return court:kind(sighting) end,
    each = function(sighting) return court:each(sighting) end,
    annotate = options.annotate,
    comment = function(findings, text) return records.comment(court, findings, text) end,
  }
  local status = WRONG_COPY[whose] -- whose is the offset when the capture itself is at fault
  if not outcome and status then return nil, "--annotate: " .. problem, status end
  local lines = {}
  for i, record in ipairs(outcome and records.of(path, outcome, court, known) or records.unread(path, problem)) do
    lines[i] = records.line(record)
  end
  return lines
end

-- What is wrong with a capture is said at once; the report has it too, but may be for a program.
local function tell_damage(record)
  local damage = record.damage
  if record.type ~= "file" or not damage then return end
  if record.unread then
    complain(NO_VERDICT, "%s", report.printable(naming.sentence(record.file, damage.text), 600))
  else
    complain(NO_VERDICT, "%s: read up to octet %s, behind frame %d: %s", report.printable(record.file, 400),
      damage.offset or "?", record.packets, damage.text)
  end
end

-- Each capture in a process of its own, as many at once as there may be; the report takes them in the order of their
-- names, whichever ends first.
local function audit_in_parallel(paths, count, one, take)
  local done, next_one = {}, 1
  local function finished(job, text, problem)
    local lines = {}
    if text then
      for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
    else
      for i, record in ipairs(records.unread(paths[job], problem)) do lines[i] = records.line(record) end
    end
    done[job] = lines
    while done[next_one] do
      take(done[next_one])
      done[next_one], next_one = true, next_one + 1
    end
  end
  local ok, problem = workers.run(count, #paths, function(job) return table.concat(one(paths[job]), "\n") end, finished)
  -- What ended behind a capture that was never begun.
  for job = next_one, #paths do
    if done[job] then take(done[job]) end
  end
  return ok, problem
end

-- The part I/N of the paths; nil, text when it is none.
local function shard_of(paths, shard)
  if not shard then return paths end
  local i, n = shard:match "^(%d+)/(%d+)$"
  i, n = math.tointeger(i), math.tointeger(n)
  if not i or i < 1 or i > n then return nil, "--shard is I/N with I from 1 to N, not '" .. shard .. "'" end
  local part = {}
  for at = i, #paths, n do part[#part + 1] = paths[at] end
  return part
end

-- What is to be read, and how; nil, text when the command line is wrong.
local function plan_from(options)
  if options.format and not report.is_form(options.format) then
    return nil, ("--format is pretty, tap or json, not '%s'"):format(options.format)
  end
  local known, wrong = known_from(options)
  if not known then return nil, wrong end
  local paths, none = files.find(options.files)
  if not paths then return nil, none end
  if options.annotate and #paths ~= 1 then
    return nil, ("--annotate writes one capture, and %d are to be read"):format(#paths)
  end
  local part, bad = shard_of(paths, options.shard)
  if not part then return nil, bad end
  return { known = known, paths = part, jobs = math.min(options.jobs or system.processors(), 256, math.max(#part, 1)) }
end

function main.main(options)
  local plan, wrong = plan_from(options)
  if not plan then return complain(USAGE, "%s", wrong) end
  if options.list then
    local ok, problem = system.write(1, table.concat(plan.paths, "\0") .. (#plan.paths > 0 and "\0" or ""))
    return ok and 0 or complain(NOT_WRITTEN, "the list cannot be written: %s", problem)
  end
  local rules, out = suites.capture_rules(), report.new(records.rows(), options)
  local problem, status, begun = nil, nil, 0
  local function take(lines)
    local list = {}
    for i, line in ipairs(lines) do list[i] = assert(json.decode(line)) end
    begun = begun + 1
    for _, record in ipairs(list) do tell_damage(record) end
    return out:capture(list, lines)
  end
  if plan.jobs > 1 then
    local ok, why = audit_in_parallel(plan.paths, plan.jobs, function(path)
      return audit_file(path, rules, plan.known, options)
    end, take)
    if not ok then return complain(NO_VERDICT, "%s", why) end
  else
    for _, path in ipairs(plan.paths) do
      if audit.stopped() then break end
      local lines
      lines, problem, status = audit_file(path, rules, plan.known, options)
      if not lines or not take(lines) then break end
    end
  end
  if problem then return complain(status, "%s", problem) end
  if begun < #plan.paths and not out.failure then out.gathered.interrupted = true end
  local ok, summary = out:finish()
  if not ok then return complain(NOT_WRITTEN, "the report cannot be written: %s", summary) end
  return report.status(summary, options.strict)
end

return main
