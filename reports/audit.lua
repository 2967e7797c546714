-- SPDX-License-Identifier: BSD-3-Clause
--
-- The report of an audit, made from records (support/audit/records.lua): as they are, one a line (json), or put
-- together over all captures, one test point a requirement, in the forms that runs are reported in. The order of the
-- records plays no part.

local escape = require "reports.escape"
local json = require "json"
local system = require "system"

local audit = {}

local forms = { pretty = "reports.pretty", tap = "reports.tap", json = true }

function audit.is_form(name) return forms[name] ~= nil end

local worse = { skip = 1, pass = 2, warn = 3, fail = 4 }

-- By requirement over all captures: { row of the record, verdict =, held =, broken =, findings = { … } }, and files.
local function gather(records)
  local by_id, order, files, notes = {}, {}, {}, {}
  for _, record in ipairs(records) do
    if record.type == "requirement" then
      local one = by_id[record.requirement]
      if not one then
        one = { id = record.requirement, role = record.role, level = record.level, verdict = "skip", held = 0,
          broken = 0, findings = {} }
        by_id[one.id], order[#order + 1] = one, one
      end
      one.held, one.broken = one.held + record.held, one.broken + record.broken
      one.reason = one.reason or record.reason
      if worse[record.verdict] > worse[one.verdict] then one.verdict = record.verdict end
    elseif record.type == "file" then
      files[#files + 1] = record
    elseif record.type == "note" then
      notes[#notes + 1] = record
    end
  end
  for _, record in ipairs(records) do
    local one = record.type == "finding" and by_id[record.requirement]
    if one then one.findings[#one.findings + 1] = record end
  end
  table.sort(files, function(a, b) return a.file < b.file end)
  return order, files, notes
end

local function summary_of(order, files)
  local summary = { type = "summary", pass = 0, fail = 0, warn = 0, inconclusive = 0, skip = 0, files = #files,
    damaged = 0, packets = 0, messages = 0 }
  for _, one in ipairs(order) do summary[one.verdict] = summary[one.verdict] + 1 end
  for _, file in ipairs(files) do
    summary.packets, summary.messages = summary.packets + file.packets, summary.messages + file.messages
    if file.damage then summary.damaged = summary.damaged + 1 end
  end
  return summary
end

local function where(finding, many)
  local frames = table.concat(finding.frames, ", ")
  local more = finding.count > #finding.frames and ", ..." or ""
  local flows = finding.flows[1] .. (#finding.flows > 1 and (" and %s%d more flows"):format(
    finding.more_flows and "at least " or "", #finding.flows - 1) or "")
  -- What was got is told of the first message; those of one kind may differ in a number or a name.
  return ("%s%d message%s, frame%s %s%s%s, %s"):format(finding.count == 1 and "" or "the first of ", finding.count,
    finding.count == 1 and "" or "s",
    #finding.frames == 1 and "" or "s", frames, more, many and " of " .. finding.file or "", flows)
end

-- One requirement in the form in which a scenario is reported.
local function result_of(one, row, many)
  local checks = {}
  for i, finding in ipairs(one.findings) do
    checks[i] = {
      requirement = one.id, level = one.level, section = row.document .. " " .. row.section, verdict = finding.verdict,
      label = finding.label, text = row.text, expected = finding.expected, soften = finding.softened,
      got = ("%s (%s)"):format(finding.got, where(finding, many)),
    }
  end
  local worst
  for _, finding in ipairs(one.findings) do
    if not worst or worse[finding.verdict] > worse[worst.verdict] then worst = finding end
  end
  return {
    type = "scenario", id = ("%s/%s"):format(one.role, one.id), title = row.text, verdict = one.verdict,
    requirements = { one.id }, checks = checks, reason = one.verdict == "skip" and one.reason or nil,
    exchange = worst and worst.exchange or {}, notes = {},
  }
end

local function file_notes(files, notes)
  local lines = {}
  local function say(format, ...) lines[#lines + 1] = format:format(...) end
  for _, file in ipairs(files) do
    if file.damage then
      say("%s: read up to octet %s, frame %d: %s", file.file, file.damage.offset or "?", file.packets,
        file.damage.text)
    end
    for _, opaque in ipairs(file.opaque or {}) do say("%s: %s: opaque: %s", file.file, opaque.flow, opaque.reason) end
  end
  for _, note in ipairs(notes) do
    say("%s (%d times, first in frame %d of %s)", note.text, note.count, note.frames[1], note.file)
  end
  return lines
end

local function write_json(records, summary, sink)
  for _, record in ipairs(records) do
    local ok, problem = sink(json.encode(record, { "type", "requirement", "verdict", "file" }) .. "\n")
    if not ok then return nil, problem end
  end
  return sink(json.encode(summary, { "type", "pass", "fail", "warn", "inconclusive", "skip" }) .. "\n")
end

-- options: format, strict. true and the summary, or nil and why it cannot be written.
function audit.write(records, options)
  local catalogue = require "requirements.catalogue"
  local order, files, notes = gather(records)
  local summary = summary_of(order, files)
  local failure
  local function sink(text)
    local ok, problem = system.write(1, text)
    if not ok then failure = failure or problem end
    return ok, problem
  end
  local terminal = system.isatty(1)
  local form = options.format or (terminal and "pretty" or "tap")
  if form == "json" then
    write_json(records, summary, sink)
  else
    local writer = require(forms[form]).new(sink, {
      version = 13, strict = options.strict, colour = terminal and not system.environment "NO_COLOR",
    })
    local name = #files == 1 and files[1].file or ("%d captures"):format(#files)
    writer:start { assay = "0.1.0", target = { name = escape.printable(name, 400) }, scenarios = #order,
      notes = file_notes(files, notes) }
    for _, one in ipairs(order) do writer:scenario(result_of(one, catalogue.by_id[one.id], #files > 1)) end
    writer:finish(summary)
  end
  if failure then return nil, failure end
  return true, summary
end

return audit
