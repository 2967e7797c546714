-- SPDX-License-Identifier: BSD-3-Clause
--
-- The five verdicts of ISO/IEC 9646 and how several make one: the worst wins. An inconclusive check outweighs a
-- warning, because what was not observed must not be hidden by what was; a fail outweighs all, because it was observed.

local verdict = {}

local weight = { skip = 1, pass = 2, warn = 3, inconclusive = 4, fail = 5 }

verdict.names = { "pass", "fail", "warn", "inconclusive", "skip" }

function verdict.worst(a, b)
  if not a then return b end
  if not b then return a end
  return weight[a] >= weight[b] and a or b
end

-- The verdict of a scenario from its checks; nil when it made none.
function verdict.of(checks)
  local worst
  for _, check in ipairs(checks) do worst = verdict.worst(worst, check.verdict) end
  return worst
end

return verdict
