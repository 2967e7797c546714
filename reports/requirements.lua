-- SPDX-License-Identifier: BSD-3-Clause
--
-- The requirements of a whole run: each once, by the worst that any scenario saw of it, counted by level. What was not
-- observed is not hidden by what was, so inconclusive is worse than pass and warn. One that only follows from another
-- broken one is not counted as broken again. It knows of the catalogue only what checks cite.

local escape = require("reports.escape")

local requirements = {}
requirements.__index = requirements

local RANK = { pass = 1, warn = 2, inconclusive = 3, fail = 4 }
local RED = { warn = true, fail = true }
local LEVELS = { "MUST", "MUST NOT", "SHALL", "SHALL NOT", "REQUIRED", "SHOULD", "SHOULD NOT", "RECOMMENDED", "MAY",
  "IMPLIED" }

function requirements.new()
  return setmetatable({ seen = {} }, requirements)
end

-- Did the scenario end before it had asked all that it was to ask? Then no check of it is what is inconclusive.
local function ended_early(result)
  for _, check in ipairs(result.checks or {}) do
    if check.verdict == "inconclusive" then
      return false
    end
  end
  return result.verdict == "inconclusive"
end

-- One more verdict on a requirement.
local function weigh(seen, verdict, implied_by, reason)
  local rank = RANK[verdict]
  if rank > seen.rank then
    seen.rank, seen.verdict, seen.implied_by, seen.reason = rank, verdict, implied_by, reason
  elseif rank == seen.rank and not implied_by then
    seen.implied_by = nil -- seen on its own as well
  end
end

-- add(result): takes in the checks of one result, and what it was to cover and gave no verdict on.
function requirements:add(result)
  local early = ended_early(result)
  for _, id in ipairs(result.requirements or {}) do
    local seen = self.seen[id] or { rank = 0, scenarios = {} }
    self.seen[id] = seen
    seen.scenarios[#seen.scenarios + 1] = result.id
    if early then
      weigh(seen, "inconclusive", nil, result.reason)
    elseif result.verdict == "skip" or result.verdict == "inconclusive" then
      seen.left = seen.left or { verdict = result.verdict, reason = result.reason }
    end
  end
  for _, check in ipairs(result.checks or {}) do
    local id = check.requirement
    if RANK[check.verdict] and id then
      local seen = self.seen[id] or { rank = 0, scenarios = { result.id } }
      self.seen[id] = seen
      seen.level = seen.level or check.level
      weigh(seen, check.verdict, check.implied_by, check.verdict == "inconclusive" and check.got or nil)
    end
  end
end

-- Whether a red entry only follows from another red one that stands on its own (two that name each other do not).
local function repeats(all, entry)
  local met = {}
  local cause = entry
  while cause.implied_by and RED[cause.verdict] and not met[cause] do
    met[cause] = true
    local next_cause = all[cause.implied_by]
    if not next_cause or not RED[next_cause.verdict] then
      return cause ~= entry
    end
    cause = next_cause
  end
  return cause ~= entry and not met[cause]
end

-- verdicts() -> { verdict =, scenarios = ids, implied_by = the broken requirement that it only follows from, reason =
-- why there is no verdict } by id, for all that any scenario was to cover.
function requirements:verdicts()
  local out = {}
  for id, entry in pairs(self.seen) do
    table.sort(entry.scenarios)
    local left = entry.left or { verdict = "inconclusive", reason = "no scenario came as far as that" }
    local judged = entry.rank > 0
    out[id] = {
      verdict = judged and entry.verdict or left.verdict, scenarios = entry.scenarios,
      implied_by = judged and repeats(self.seen, entry) and entry.implied_by or nil,
      reason = entry.reason or not judged and (left.reason or "no reason was given") or nil,
    }
  end
  return out
end

-- broken(rows) -> the rows of a run's ledger that are broken and do not only follow from others, the gravest first.
function requirements.broken(rows)
  local list = {}
  for _, verdict in ipairs({ "fail", "warn" }) do
    for _, row in ipairs(rows or {}) do
      if row.verdict == verdict and not row.implied_by then
        list[#list + 1] = row
      end
    end
  end
  return list
end

-- lines() -> the table as lines, {} when nothing was judged.
function requirements:lines()
  local rows, unjudged, repeated = {}, 0, 0
  for _, entry in pairs(self.seen) do
    if not entry.level then -- no check of it was made
      unjudged = unjudged + 1
    elseif repeats(self.seen, entry) then
      repeated = repeated + 1
    else
      local level = entry.level or "?"
      rows[level] = rows[level] or { pass = 0, fail = 0, warn = 0, inconclusive = 0 }
      rows[level][entry.verdict] = rows[level][entry.verdict] + 1
    end
  end
  local order, known = {}, {}
  for _, level in ipairs(LEVELS) do
    known[level] = true
    order[#order + 1] = rows[level] and level or nil
  end
  local others = {}
  for level in pairs(rows) do
    if not known[level] then
      others[#others + 1] = level
    end
  end
  table.sort(others)
  table.move(others, 1, #others, #order + 1, order)
  if not order[1] then
    return {}
  end
  local out = { ("%-14s%8s%8s%8s%14s"):format("requirements", "held", "broken", "warned", "inconclusive") }
  for _, level in ipairs(order) do
    local row = rows[level]
    out[#out + 1] = ("  %-12s%8d%8d%8d%14d"):format(escape.printable(level, 12), row.pass, row.fail, row.warn,
      row.inconclusive)
  end
  if repeated > 0 then
    out[#out + 1] = ("  and %d that follow from others counted here"):format(repeated)
  end
  if unjudged > 0 then
    out[#out + 1] = ("  and %d without a verdict"):format(unjudged)
  end
  return out
end

return requirements
