-- SPDX-License-Identifier: BSD-3-Clause
--
-- The report of an audit, made from records (suites/support/audit/records.lua) in the order of the files they are of:
-- as they are, one a line, each as soon as it is known (json); or put together (reports/audit/gather.lua), for a person
-- (pretty) or one test point a requirement (tap).

local escape = require "reports.escape"
local gather = require "reports.audit.gather"
local json = require "json"
local pretty = require "reports.audit.pretty"
local summary = require "reports.audit.summary"
local system = require "system"

local audit = {}
audit.__index = audit

local forms <const> = { pretty = true, tap = true, json = true }

function audit.is_form(name) return forms[name] ~= nil end

-- options: format, strict, privacy; rows: the requirements that captures can show.
function audit.new(rows, options)
  local terminal = system.isatty(1)
  return setmetatable({
    gathered = gather.new(rows), options = options, terminal = terminal,
    form = options.format or (terminal and "pretty" or "tap"),
  }, audit)
end

function audit:sink(text)
  if self.failure then return nil, self.failure end
  local ok, problem = system.write(1, text)
  if not ok then self.failure = problem end
  return ok, problem
end

-- Takes in the records of one capture, and their lines of JSON. false once nothing can be written any more.
function audit:capture(records, lines)
  for _, record in ipairs(records) do self.gathered:add(record) end
  if self.form == "json" then self:sink(table.concat(lines, "\n") .. "\n") end
  return not self.failure
end

local function variants_text(group, many)
  local parts = {}
  for i, variant in ipairs(group.variants) do
    if i > 4 then break end
    parts[i] = ("%s (%s)"):format(variant.got or "that it does not hold", pretty.where(variant, many))
  end
  if #group.variants > 4 or group.others > 0 then
    parts[#parts + 1] = ("and others, %d messages in all"):format(group.count)
  end
  return table.concat(parts, "; ")
end

-- One requirement in the form in which a scenario is reported.
local function result_of(gathered, one)
  local checks, worst, row, many = {}, nil, one.row, #gathered.files > 1
  for i, group in ipairs(one.groups) do
    checks[i] = {
      requirement = one.id, level = row.level, section = row.document .. " " .. row.section, verdict = group.verdict,
      label = group.label, text = row.text, expected = group.variants[1].expected or "that it holds",
      soften = group.softened, got = variants_text(group, many),
    }
    if not worst or group.verdict == "fail" and worst.verdict ~= "fail" then worst = group end
  end
  return {
    type = "scenario", id = ("%s/%s"):format(row.role, one.id), title = row.text, verdict = one.verdict,
    requirements = { one.id }, checks = checks, reason = one.verdict == "skip" and gathered:lack(one) or nil,
    exchange = worst and worst.exchange or {},
    notes = one.verdict == "pass" and { ("held by %d messages"):format(one.held) } or {},
  }
end

function audit:write_tap(totals)
  local gathered = self.gathered
  local function sink(text) return self:sink(text) end
  local writer = require("reports.tap").new(sink, { version = 13, strict = self.options.strict })
  local files = gathered.files
  writer:start { assay = system.version(), scenarios = #gathered.requirements,
    target = { name = #files == 1 and files[1] or ("%d captures"):format(#files) } }
  local lines = {}
  for _, line in ipairs(summary.extent(gathered)) do lines[#lines + 1] = "# " .. line end
  for _, line in ipairs(summary.notes(gathered)) do lines[#lines + 1] = "# note: " .. line end
  for _, section in ipairs(summary.sections(gathered, self.options)) do
    lines[#lines + 1] = "# " .. section.title .. ":"
    for _, line in ipairs(section.lines) do lines[#lines + 1] = "#   " .. line end
  end
  self:sink(table.concat(lines, "\n") .. "\n")
  for _, one in ipairs(gathered.requirements) do writer:scenario(result_of(gathered, one)) end
  if gathered.interrupted then
    writer:abort("interrupted: this is what was gathered until then", totals)
  else
    writer:finish(totals)
  end
end

-- Ends the report: true and the summary, or nil and why it cannot be written.
function audit:finish()
  local totals = self.gathered:summary()
  if self.form == "json" then
    self:sink(json.encode(totals, { "type", "pass", "fail", "warn", "inconclusive", "skip" }) .. "\n")
  elseif self.form == "tap" then
    self:write_tap(totals)
  else
    local lines = pretty.lines_of(self.gathered, totals, {
      strict = self.options.strict, privacy = self.options.privacy,
      colour = self.terminal and not system.environment "NO_COLOR",
    })
    self:sink(table.concat(lines, "\n") .. "\n")
  end
  if self.failure then return nil, self.failure end
  return true, totals
end

-- The exit status that a summary stands for.
function audit.status(totals, strict)
  if totals.interrupted then return 130 end
  if totals.fail > 0 or strict and totals.warn > 0 then return 1 end
  if totals.damaged > 0 or totals.pass + totals.warn == 0 then return 3 end
  return 0
end

-- A text fit to be shown in a diagnostic.
audit.printable = escape.printable

return audit
