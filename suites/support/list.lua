-- SPDX-License-Identifier: BSD-3-Clause
--
-- assay list: the scenarios and what they judge; with --requirements the catalogue and what judges each row.

local json = require "json"
local ledger = require "support.ledger"
local suites = require "support.suites"
local system = require "system"

local list = {}

local function scenarios(chosen)
  local lines = {}
  for _, one in ipairs(chosen) do
    lines[#lines + 1] = ("%s\n    %s (%s)"):format(one.id, one.title, table.concat(one.covers, ", "))
  end
  return lines
end

-- What is shown of a requirement that nothing judges.
local function hole(entry)
  if entry.row.untestable then return "not testable: " .. entry.row.untestable end
  local runs = #entry.captures > 0 and "not judged in runs" or "not judged"
  return entry.reason and ("%s: %s"):format(runs, entry.reason) or "no scenario yet"
end

local function requirements(chosen)
  local lines = {}
  for _, entry in ipairs(ledger.of(chosen)) do
    local row = entry.row
    lines[#lines + 1] = ("%s  %s %s, %s, %s: %s"):format(row.id, row.document, row.section, row.role, row.level,
      row.text)
    for _, id in ipairs(entry.scenarios) do lines[#lines + 1] = "    " .. id end
    for _, id in ipairs(entry.invariants) do lines[#lines + 1] = "    " .. id end
    for _, id in ipairs(entry.captures) do lines[#lines + 1] = ("    %s (captures)"):format(id) end
    if #entry.scenarios + #entry.invariants == 0 then lines[#lines + 1] = "    " .. hole(entry) end
  end
  return lines
end

-- A row of the catalogue with what judges it.
-- `uncovered` is the reason why nothing does that is no property of the row.
local function as_record(entry)
  local record = {}
  for field, value in pairs(entry.row) do record[field] = value end
  record.observed = json.array(record.observed)
  record.scenarios, record.invariants = json.array(entry.scenarios), json.array(entry.invariants)
  record.captures = json.array(entry.captures)
  if not entry.row.untestable then record.uncovered = entry.reason end
  return record
end

-- One JSON object a line.
local function as_json(chosen, rows)
  local lines = {}
  for i, one in ipairs(rows and ledger.of(chosen) or chosen) do
    lines[i] = json.encode(rows and as_record(one) or {
      id = one.id, title = one.title, covers = json.array(one.covers), faults = json.array(one.faults),
      needs = json.array(one.needs or {}), alone = one.alone or false, harm = one.harm or false,
      allocations = one.allocations, captures = one.captures or nil,
    }, { "id", "title" })
  end
  return lines
end

function list.main(options)
  if options.format and options.format ~= "text" and options.format ~= "json" then
    system.write(2, "assay: --format is text or json, not '" .. options.format .. "'\n")
    return 2
  end
  local chosen, problem = suites.select(#options.suites > 0 and options.suites or suites.folders, options.filters)
  if not chosen then
    system.write(2, "assay: " .. problem .. "\n")
    return 2
  end
  -- Every run judges all messages by the invariants too, so they stand beside its scenarios; captures are judged by
  -- them and by some more.
  if #options.filters == 0 then
    for _, rule in ipairs(suites.capture_rules()) do chosen[#chosen + 1] = rule end
  end
  local lines
  if options.format == "json" then
    lines = as_json(chosen, options.requirements)
  else
    lines = options.requirements and requirements(chosen) or scenarios(chosen)
  end
  local ok, why = system.write(1, table.concat(lines, "\n") .. "\n")
  if not ok then
    system.write(2, "assay: the list cannot be written: " .. why .. "\n")
    return 4
  end
  return 0
end

return list
