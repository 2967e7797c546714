-- SPDX-License-Identifier: BSD-3-Clause
--
-- The ways in which a scenario ends early without being wrong: it cannot decide, there is nothing to decide, or it came
-- too late and has to begin again.

local stop = {}

local marked = {}

local function throw(kind, reason)
  error({ [marked] = true, kind = kind, reason = reason }, 0)
end

function stop.inconclusive(reason) throw("inconclusive", reason) end
function stop.skip(reason) throw("skip", reason) end
function stop.again(reason) throw("again", reason) end

-- The kind and reason of a thrown value, or nil when it was thrown by something else.
function stop.of(value)
  if type(value) == "table" and value[marked] then return value.kind, value.reason end
end

return stop
