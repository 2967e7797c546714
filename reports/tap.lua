-- SPDX-License-Identifier: BSD-3-Clause
--
-- Results as TAP, one test point a scenario, for any harness. The body is valid under version 13 and 14; its YAML keeps
-- to what TAP::Parser 3.44 reads: block maps, literals, double-quoted values, and neither sequences (an item with a
-- colon would be taken for a map) nor blank lines. Everything is ASCII. It judges nothing: the verdict is the result's.

local escape = require("reports.escape")
local evidence = require("reports.evidence")
local requirements = require("reports.requirements")
local wording = require("reports.wording")

local tap = {}
tap.__index = tap

local FIELD = 600 -- octets of a value in the YAML
local REASON = 240 -- octets of a reason on the test line
local BUDGET, EACH = 240, 60 -- decoded lines a result, and a message

-- new(sink, options): options.version 13 or 14; strict: a warn is a failure; folder: where results.ndjson is.
function tap.new(sink, options)
  options = options or {}
  return setmetatable({
    sink = sink,
    version = options.version or 13,
    strict = options.strict,
    folder = options.folder,
    count = 0,
    tally = wording.tally(),
  }, tap)
end

function tap:emit(lines)
  if #lines == 0 then
    return true
  end
  return self.sink(table.concat(lines, "\n") .. "\n")
end

function tap:open(lines)
  if not self.opened then
    self.opened = true
    lines[#lines + 1] = ("TAP version %d"):format(self.version)
  end
  return lines
end

local function comment(lines, list)
  for _, line in ipairs(list) do
    lines[#lines + 1] = "# " .. line
  end
end

function tap:start(run)
  local lines = self:open({})
  self.planned = math.tointeger(run.scenarios)
  self.folder = self.folder or run.folder
  -- "1..0" means "all skipped" and would be green: a run of nothing bails out instead, in finish().
  if self.planned and self.planned > 0 then
    lines[#lines + 1] = ("1..%d"):format(self.planned)
  end
  comment(lines, wording.heading(run))
  return self:emit(lines)
end

-- One key of the YAML map at `indent`; nothing where there is no value.
local function field(lines, indent, key, value)
  if value ~= nil and value ~= "" then
    lines[#lines + 1] = ("%s%s: %s"):format(indent, key, escape.yaml(value, FIELD))
  end
end

-- A literal takes its indentation from its first line, so that one may neither be blank nor begin with a space.
local function literal(lines, indent, key, list)
  if not list or #list == 0 then
    return
  end
  lines[#lines + 1] = ("%s%s: |"):format(indent, key)
  if not list[1]:find("^%S") then
    list[1] = "." .. list[1]
  end
  for _, line in ipairs(list) do
    lines[#lines + 1] = indent .. "  " .. line
  end
end

local function check_fields(lines, indent, check)
  field(lines, indent, "requirement", check.requirement)
  field(lines, indent, "level", check.level)
  field(lines, indent, "section", check.section)
  field(lines, indent, "text", check.text)
  field(lines, indent, "label", check.label)
  field(lines, indent, "expected", check.expected)
  field(lines, indent, "got", check.got)
  field(lines, indent, "implied_by", check.implied_by)
  field(lines, indent, "softened", check.soften)
  field(lines, indent, "reading", check.reading)
end

function tap:yaml(lines, result)
  local shown, implied = evidence.checks(result)
  lines[#lines + 1] = "  ---"
  field(lines, "  ", "verdict", result.verdict)
  field(lines, "  ", "reason", result.reason)
  if shown[1] then
    check_fields(lines, "  ", shown[1])
  elseif result.requirements and result.requirements[1] then
    field(lines, "  ", "requirements", table.concat(result.requirements, ", "))
  end
  if shown[2] then
    lines[#lines + 1] = "  further:"
    for index = 2, #shown do
      lines[#lines + 1] = ("    check_%d:"):format(index)
      field(lines, "      ", "verdict", shown[index].verdict)
      check_fields(lines, "      ", shown[index])
    end
  end
  if implied[1] then
    lines[#lines + 1] = "  implied:"
    for index, check in ipairs(implied) do
      field(lines, "    ", ("check_%d"):format(#shown + index),
        ("%s follows from %s"):format(check.requirement, check.implied_by))
    end
  end
  literal(lines, "  ", "notes", wording.flat(result.notes, "- "))
  literal(lines, "  ", "exchange", evidence.exchange(result, BUDGET, EACH, self.folder))
  if result.traceback then
    literal(lines, "  ", "traceback", escape.lines(result.traceback, 60, 200))
  end
  field(lines, "  ", "rerun", result.rerun)
  lines[#lines + 1] = "  ..."
end

-- The reason behind "# TODO warn LEVEL:".
local function warning(result)
  local check = evidence.checks(result)[1] or {}
  local text = result.reason
  if not text and (check.expected or check.got) then
    text = ("expected %s, got %s"):format(tostring(check.expected), tostring(check.got))
  end
  text = text or check.label or check.text or "see below"
  return ("%s: %s"):format(escape.tap(check.level or "?", 20), escape.tap(text, REASON))
end

function tap:scenario(result)
  local lines = self:open({})
  self.count = self.count + 1
  local verdict = result.verdict
  self.tally[verdict] = (self.tally[verdict] or 0) + 1
  local name = escape.tap(result.id, 200)
  if result.title then
    name = name .. " - " .. escape.tap(result.title, 200)
  end
  local sections = wording.sections(result)
  if sections then
    name = ("%s (%s)"):format(name, escape.tap(sections))
  end
  local point = ("ok %d - %s"):format(self.count, name)
  if verdict == "pass" then
    lines[#lines + 1] = point
    comment(lines, wording.flat(result.notes, "note: "))
  elseif verdict == "skip" then
    lines[#lines + 1] = ("%s # SKIP %s"):format(point, escape.tap(result.reason or "not offered by the target", REASON))
    comment(lines, wording.flat(result.notes, "note: "))
  else
    point = "not " .. point
    if verdict == "warn" and not self.strict then
      point = ("%s # TODO warn %s"):format(point, warning(result))
    elseif verdict == "inconclusive" then
      point = ("%s - inconclusive: %s"):format(point, escape.tap(result.reason or "no reason was given", REASON))
    end
    lines[#lines + 1] = point
    self:yaml(lines, result)
  end
  return self:emit(lines)
end

function tap.progress()
  return true
end

-- ledger(rows): what became of each requirement; those that are broken are listed at the end.
function tap:ledger(rows)
  self.broken = requirements.broken(rows)
  return true
end

function tap:ending(lines, summary)
  for _, row in ipairs(self.broken or {}) do
    comment(lines, { ("broken: %s, %s, %s: %s"):format(escape.printable(row.id, 40), escape.printable(row.level, 20),
      row.verdict, escape.printable(row.text, REASON)) })
  end
  comment(lines, wording.flat(summary and summary.differences, "capture: "))
  comment(lines, wording.flat(summary and summary.notes, "note: "))
  comment(lines, { wording.counts(summary, self.tally, self.strict) })
  if summary and summary.folder then
    comment(lines, { "reports in " .. escape.printable(summary.folder, 400) .. "/" })
  end
end

-- finish(summary): the last call. What was planned and has not run turns the stream red in any reader: the plan no
-- longer holds, and an interrupted or empty run bails out.
function tap:finish(summary)
  if self.ended then
    return true
  end
  self.ended = true
  local lines = self:open({})
  if not self.planned and self.count > 0 then
    lines[#lines + 1] = ("1..%d"):format(self.count)
  end
  self:ending(lines, summary)
  local missing = wording.missing(self.count, self.planned, summary and summary.interrupted)
  if summary and summary.interrupted then
    lines[#lines + 1] = "Bail out! " .. missing
  elseif missing then
    comment(lines, { missing })
  elseif self.count == 0 then
    lines[#lines + 1] = "Bail out! no scenario has run"
  end
  return self:emit(lines)
end

-- abort(reason, summary?): the run cannot go on (the target did not start or is gone). Ends the report: a finish()
-- behind it writes nothing, since nothing may follow "Bail out!".
function tap:abort(reason, summary)
  if self.ended then
    return true
  end
  self.ended = true
  local lines = self:open({})
  local said = escape.lines(reason or "the run was broken off", 40, 400)
  if self.count > 0 or summary then
    self:ending(lines, summary)
  end
  for index = 2, #said do
    lines[#lines + 1] = "#   " .. said[index]
  end
  lines[#lines + 1] = "Bail out! " .. said[1]
  return self:emit(lines)
end

return tap
