-- SPDX-License-Identifier: BSD-3-Clause
--
-- The ledger: every requirement of the catalogue with the scenarios and invariants that judge it, or why none does, and
-- the rules that judge it in captures.
-- With the results of a run it also says what became of each.

local catalogue = require "requirements.catalogue"
local uncovered = require "requirements.uncovered"

local ledger = {}

for id in pairs(uncovered) do
  if not catalogue.by_id[id] then error(("requirements/uncovered.lua: there is no requirement '%s'"):format(id), 0) end
end

-- judges: scenarios and invariants, each { id =, covers = }. Returns a list in the order of the catalogue of
-- { row =, scenarios = ids, invariants = ids, captures = ids, reason = why there is neither of the first two, where
-- that is said }.
function ledger.of(judges)
  local entries, by_id = {}, {}
  for i, row in ipairs(catalogue.all) do
    entries[i] = {
      row = row, scenarios = {}, invariants = {}, captures = {}, reason = row.untestable or uncovered[row.id],
    }
    by_id[row.id] = entries[i]
  end
  for _, one in ipairs(judges) do
    for _, id in ipairs(one.covers) do
      local kind = one.captures and "captures" or one.id:find "^invariants/" and "invariants" or "scenarios"
      table.insert(by_id[id][kind], one.id)
    end
  end
  return entries
end

-- Roles whose requirements a target of a role is asked about in full.
local asked = { server = { server = true, token = true } }

-- The ledger of a run as reports take it: { id =, level =, role =, verdict =, scenarios = ids, … } each.
-- judges: all that were chosen; verdicts: reports/requirements.lua's; role: of the target; whole: nothing was left out
-- by choice, so that the holes are to be shown too: their verdict is "none", with the reason.
function ledger.after(judges, verdicts, role, whole)
  local lines = {}
  for _, entry in ipairs(ledger.of(judges)) do
    local row, found = entry.row, verdicts[entry.row.id]
    local wanted = found or (whole and asked[role] and asked[role][row.role])
    if wanted then
      local line = {
        id = row.id, level = row.level, role = row.role, section = row.document .. " " .. row.section, text = row.text,
        verdict = found and found.verdict or "none", scenarios = found and found.scenarios or {},
        implied_by = found and found.implied_by or nil, reason = found and found.reason or nil,
      }
      if not found then
        local judged = #entry.scenarios + #entry.invariants > 0
        line.reason = judged and "what judges it has not run" or entry.reason or "no suite of this run judges it"
      end
      lines[#lines + 1] = line
    end
  end
  return lines
end

return ledger
