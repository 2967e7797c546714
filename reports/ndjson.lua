-- SPDX-License-Identifier: BSD-3-Clause
--
-- results.ndjson: all that is known of a run, one JSON object a line, for programs. Nothing is cut and nothing left
-- out; the other forms point here. First the run, then a scenario each, then a requirement each with what all scenarios
-- together say of it, last the summary. The lines are ASCII.

local json = require("json")
local escape = require("reports.escape")
local wording = require("reports.wording")

local ndjson = {}
ndjson.__index = ndjson

-- One order serves every object: a check's members and a scenario's each come out in the documented order.
local ORDER = {
  "type", "id", "requirement", "level", "role", "verdict", "scenarios", "requirements",
  "checks", "section", "expected", "got", "reason",
  "notes", "seconds", "exchange", "title", "sections", "label", "text", "soften", "reading", "implied_by",
  "assay", "target", "started", "command", "pass", "fail", "warn", "inconclusive", "skip",
  "time", "direction", "transport", "from", "to", "frame", "step", "summary", "rerun",
}

-- Members that are arrays also when they are empty.
local ARRAYS = {
  run = { "notes" },
  scenario = { "requirements", "checks", "notes", "sections", "exchange" },
  requirement = { "scenarios" },
  summary = { "differences", "notes" },
}

function ndjson.new(sink)
  return setmetatable({ sink = sink, tally = wording.tally() }, ndjson)
end

function ndjson:line(kind, record)
  local copy = {}
  for name, value in pairs(record) do
    copy[name] = value
  end
  copy.type = kind
  for _, name in ipairs(ARRAYS[kind]) do
    copy[name] = json.array(table.move(copy[name] or {}, 1, #(copy[name] or {}), 1, {}))
  end
  return self.sink(escape.ascii_json(json.encode(copy, ORDER)) .. "\n")
end

function ndjson:start(run)
  return self:line("run", run)
end

function ndjson:scenario(result)
  self.tally[result.verdict] = (self.tally[result.verdict] or 0) + 1
  return self:line("scenario", result)
end

-- ledger(rows): one { id =, level =, role =, verdict =, scenarios = } a requirement, before the end of the report.
function ndjson:ledger(rows)
  local ok, problem = true, nil
  for _, row in ipairs(rows) do
    if ok then ok, problem = self:line("requirement", row) end
  end
  return ok, problem
end

function ndjson.progress()
  return true
end

function ndjson:finish(summary)
  if self.ended then
    return true
  end
  self.ended = true
  local record = {}
  for verdict, number in pairs(self.tally) do
    record[verdict] = number
  end
  for name, value in pairs(summary or {}) do
    record[name] = value
  end
  return self:line("summary", record)
end

-- abort(reason, summary?): the summary comes at once, with the reason as its `aborted`; finish() then writes nothing.
function ndjson:abort(reason, summary)
  local record = { aborted = tostring(reason or "the run was broken off") }
  for name, value in pairs(summary or {}) do
    record[name] = value
  end
  return self:finish(record)
end

return ndjson
