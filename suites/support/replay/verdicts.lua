-- SPDX-License-Identifier: BSD-3-Clause
--
-- What a replay came to, as results that every form of report takes: one for each kind of request at one target.

local verdict = require "support.verdict"

local verdicts = {}

local function alike(kind, word)
  if #kind.differences > 0 then return ("%d %s"):format(kind.same, word) end
  return word
end

-- place: what the id begins with; word: what is said of those that are alike; names: of two targets that are compared
-- with each other.
function verdicts.of_kind(kind, place, word, names)
  local result = {
    type = "scenario", id = ("replay/%s%s"):format(place, kind.name:gsub(",? ", "-")), requirements = {}, checks = {},
    verdict = "pass", notes = kind.notes, exchange = kind.differences[1] and kind.differences[1].exchange or {},
    title = ("%d request%s: %s"):format(kind.count, kind.count == 1 and "" or "s",
      alike(kind, word or "answered as in the capture")),
  }
  for i, difference in ipairs(kind.differences) do
    local shown = #difference.frames
    result.verdict = verdict.worst(result.verdict, difference.verdict)
    result.checks[i] = {
      verdict = difference.verdict, level = names and "compared" or "captured", label = difference.text,
      expected = kind.outcome .. (names and (", as %s answers"):format(names[1]) or ""),
      got = ("%s, %d of %d (frame%s %s%s of the capture)"):format(difference.text, difference.count, kind.count,
        shown == 1 and "" or "s", table.concat(difference.frames, ", "), difference.count > shown and ", ..." or ""),
    }
  end
  return result
end

-- A target that died while it was played to.
function verdicts.of_death(place, ending, last_words)
  return {
    type = "scenario", id = ("replay/%starget-lives"):format(place), requirements = {}, verdict = "fail", notes = {},
    title = "the target lives through the replay", exchange = {},
    checks = { { verdict = "fail", level = "captured", label = "the target died", expected = "a target that lives",
      got = ("it died: %s; %s"):format(ending, last_words) } },
  }
end

return verdicts
