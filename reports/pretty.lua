-- SPDX-License-Identifier: BSD-3-Clause
--
-- Results for a person: while the run lasts one live line on a terminal, at its end every scenario in its folder, then
-- what did not hold with its evidence, the requirements by level, and the counts. Scenarios overlap and finish in any
-- order, so nothing but the live line is shown before all of them are known; results.ndjson has them at once.

local escape = require("reports.escape")
local evidence = require("reports.evidence")
local layout = require("reports.layout")
local requirements = require("reports.requirements")
local wording = require("reports.wording")

local pretty = {}
pretty.__index = pretty

local BUDGET, EACH = 60, 40 -- decoded lines a result, and a message
local FIELD = 600 -- octets of a value

-- new(sink, options): options.terminal: a live line is wanted; live: the function that takes it (where the report
-- itself goes to another file than the terminal), sink by default; colour; width: columns; strict; folder: of --out.
function pretty.new(sink, options)
  options = options or {}
  return setmetatable({
    sink = sink,
    live = options.terminal and (options.live or sink) or nil,
    colour = options.colour,
    width = math.max(options.width or 80, 40),
    strict = options.strict,
    folder = options.folder,
    shown = 0,
    count = 0,
    folders = {},
    tally = wording.tally(),
    requirements = requirements.new(),
  }, pretty)
end

function pretty:paint(colour, text)
  return layout.paint(self.colour, colour, text)
end

-- Blanks wipe the line on every terminal, also on one that knows no escape sequence.
function pretty:wipe()
  if self.shown == 0 then
    return true
  end
  local blank = "\r" .. (" "):rep(self.shown) .. "\r"
  self.shown = 0
  return self.live(blank)
end

function pretty:emit(lines)
  local ok, err = self:wipe()
  if not ok then
    return nil, err
  end
  if #lines == 0 then
    return true
  end
  return self.sink(table.concat(lines, "\n") .. "\n")
end

function pretty:wrap(lines, indent, text)
  layout.wrap(lines, self.width, indent, text)
end

-- Nothing where there is no value.
function pretty:labelled(lines, indent, label, value)
  if value ~= nil and value ~= "" then
    layout.labelled(lines, self.width, indent, label, escape.printable(value, FIELD))
  end
end

function pretty:start(run)
  self.planned = math.tointeger(run.scenarios)
  self.folder = self.folder or run.folder
  local lines = {}
  for index, line in ipairs(wording.heading(run)) do
    lines[index] = index == 1 and self:paint("bold", line) or line
  end
  return self:emit(lines)
end

function pretty:scenario(result)
  local id = escape.printable(result.id, 200)
  local folder, name = id:match("^(.*)/([^/]*)$")
  folder, name = folder or "", name or id
  local place = self.folders[folder]
  if not place then
    place = { name = folder }
    self.folders[folder] = place
    self.folders[#self.folders + 1] = place
  end
  place[#place + 1] = { name = name, result = result }
  self.count = self.count + 1
  self.tally[result.verdict] = (self.tally[result.verdict] or 0) + 1
  self.requirements:add(result)
  return true
end

-- ledger(rows): what became of each requirement; those that are broken are listed with the counts.
function pretty:ledger(rows)
  self.broken = requirements.broken(rows)
  return true
end

function pretty:progress(state)
  if not self.live or self.ended then
    return true
  end
  local running = state.running or {}
  local text = ("%d of %d"):format(state.done or self.count, state.planned or self.planned or 0)
  if (state.failed or 0) > 0 then
    text = ("%s, %d failed"):format(text, state.failed)
  end
  if running[1] then
    text = ("%s: %s"):format(text, escape.printable(running[1], 100))
    if running[2] then
      text = ("%s and %d more"):format(text, #running - 1)
    end
  end
  text = text:sub(1, self.width - 1)
  local blank = math.max(self.shown - #text, 0)
  self.shown = #text
  return self.live(("\r%s%s%s"):format(text, (" "):rep(blank), ("\b"):rep(blank)))
end

function pretty:overview(lines)
  table.sort(self.folders, function(a, b)
    return a.name < b.name
  end)
  for _, folder in ipairs(self.folders) do
    table.sort(folder, function(a, b)
      return a.name < b.name
    end)
    lines[#lines + 1] = ""
    lines[#lines + 1] = self:paint("bold", folder.name == "" and "(no folder)" or folder.name)
    for _, item in ipairs(folder) do
      local result = item.result
      local text = ("%s  %s"):format(item.name, escape.printable(result.title, 200))
      if result.verdict == "skip" then
        text = ("%s  (%s)"):format(item.name, escape.printable(result.reason or "not offered by the target", 200))
      end
      local room = self.width - 16
      if #text > room then
        text = text:sub(1, room - 3) .. "..."
      end
      lines[#lines + 1] = ("  %s%s"):format(self:paint(result.verdict, ("%-14s"):format(result.verdict)), text)
    end
  end
end

function pretty:check(lines, check)
  local parts = {}
  for _, key in ipairs({ "requirement", "level", "section" }) do
    if check[key] then
      parts[#parts + 1] = escape.printable(check[key], 60)
    end
  end
  local head = table.concat(parts, "  ")
  lines[#lines + 1] = "    " .. self:paint(check.verdict, head)
  if check.text then
    self:wrap(lines, "      ", escape.printable(check.text, FIELD))
  end
  self:labelled(lines, "      ", "checked", check.label)
  self:labelled(lines, "      ", "expected", check.expected)
  self:labelled(lines, "      ", "got", check.got)
  self:labelled(lines, "      ", "follows", check.implied_by and "from " .. tostring(check.implied_by))
  self:labelled(lines, "      ", "softened", check.soften)
  self:labelled(lines, "      ", "read as", check.reading)
end

function pretty:details(lines, result)
  local verdict = result.verdict
  local word = verdict == "fail" and "FAIL" or verdict
  lines[#lines + 1] = ""
  lines[#lines + 1] = self:paint(verdict, word) .. "  " .. self:paint("bold", escape.printable(result.id, 200))
  local sections = wording.sections(result)
  local title = escape.printable(result.title, 200)
  self:wrap(lines, "    ", sections and ("%s (%s)"):format(title, sections) or title)
  self:labelled(lines, "    ", "because", result.reason)
  local shown, implied = evidence.checks(result)
  for _, check in ipairs(shown) do
    self:check(lines, check)
  end
  for _, check in ipairs(implied) do
    local text = ("%s follows from %s"):format(check.requirement, check.implied_by)
    self:wrap(lines, "    ", escape.printable(text, FIELD))
  end
  for _, line in ipairs(wording.flat(result.notes, "")) do
    self:labelled(lines, "    ", line:find("^  ") and "" or "note", line)
  end
  -- A warning's messages are in results.ndjson: on a screen they would only push the failures out of sight.
  if verdict ~= "warn" or self.strict then
    for index, line in ipairs(evidence.exchange(result, BUDGET, EACH, self.folder) or {}) do
      lines[#lines + 1] = (index == 1 and "    " or "      ") .. line
    end
  elseif evidence.frames(result) then
    self:labelled(lines, "    ", "frames", evidence.frames(result))
  end
  for _, line in ipairs(result.traceback and escape.lines(result.traceback, 30, 200) or {}) do
    lines[#lines + 1] = "    " .. self:paint("faint", line)
  end
  if result.rerun then
    lines[#lines + 1] = "    again     " .. escape.printable(result.rerun, FIELD)
  end
end

function pretty:broken_ones(lines)
  if not (self.broken and self.broken[1]) then
    return
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = self:paint("bold", "broken")
  for _, row in ipairs(self.broken) do
    local head = ("%-16s%-13s%-6s"):format(escape.printable(row.id, 40), escape.printable(row.level, 20), row.verdict)
    local room = math.max(self.width - #head - 2, 20)
    local text = escape.printable(row.text, FIELD)
    if #text > room then
      text = text:sub(1, room - 3) .. "..."
    end
    lines[#lines + 1] = "  " .. self:paint(row.verdict, head) .. text
  end
end

function pretty:body(lines, summary)
  self:overview(lines)
  for _, verdict in ipairs({ "warn", "inconclusive", "fail" }) do -- the gravest last, where it is read first
    for _, folder in ipairs(self.folders) do
      for _, item in ipairs(folder) do
        if item.result.verdict == verdict then
          self:details(lines, item.result)
        end
      end
    end
  end
  local levels = self.requirements:lines()
  if levels[1] then
    lines[#lines + 1] = ""
    table.move(levels, 1, #levels, #lines + 1, lines)
  end
  self:broken_ones(lines)
  local asides = wording.flat(summary and summary.differences, "capture: ")
  local notes = wording.flat(summary and summary.notes, "note: ")
  table.move(notes, 1, #notes, #asides + 1, asides)
  if asides[1] then
    lines[#lines + 1] = ""
    table.move(asides, 1, #asides, #lines + 1, lines)
  end
end

function pretty:ending(lines, summary, missing)
  local function number(verdict)
    return math.tointeger(summary and summary[verdict]) or self.tally[verdict]
  end
  lines[#lines + 1] = ""
  if missing then
    lines[#lines + 1] = self:paint("fail", missing)
  end
  local worst = "pass"
  if number("fail") > 0 or self.strict and number("warn") > 0 then
    worst = "fail"
  elseif missing or number("inconclusive") > 0 or number("pass") + number("warn") == 0 then
    worst = "inconclusive"
  elseif number("warn") > 0 then
    worst = "warn"
  end
  lines[#lines + 1] = self:paint(worst, wording.counts(summary, self.tally, self.strict))
  local folder = summary and summary.folder or self.folder
  if folder then
    lines[#lines + 1] = "reports in " .. escape.printable(folder, 400) .. "/"
  end
end

function pretty:finish(summary)
  if self.ended then
    return true
  end
  self.ended = true
  local lines = {}
  self:body(lines, summary)
  self:ending(lines, summary, wording.missing(self.count, self.planned, summary and summary.interrupted)
    or self.count == 0 and "no scenario has run" or nil)
  return self:emit(lines)
end

-- abort(reason, summary?): the run cannot go on. What has run is reported, then why nothing else has; a finish() behind
-- it writes nothing.
function pretty:abort(reason, summary)
  if self.ended then
    return true
  end
  self.ended = true
  local lines = {}
  self:body(lines, summary)
  lines[#lines + 1] = ""
  for index, line in ipairs(escape.lines(reason or "the run was broken off", 40, 400)) do
    lines[#lines + 1] = index == 1 and self:paint("fail", "broken off: " .. line) or "  " .. line
  end
  self:ending(lines, summary, wording.missing(self.count, self.planned))
  return self:emit(lines)
end

return pretty
