-- SPDX-License-Identifier: BSD-3-Clause
--
-- The sentences that all forms for people share: what was run against what, how it ended, how many of each verdict.
-- Every line returned is printable ASCII. It prints nothing and judges nothing.

local escape = require("reports.escape")

local wording = {}

-- The verdicts, in the order in which they are counted out.
wording.VERDICTS = { "pass", "fail", "warn", "inconclusive", "skip" }

local MOST_LINES = 50 -- of notes, differences, log lines: more helps nobody on a screen

local function transports_of(target)
  local transports = target.transports
  if type(transports) ~= "table" then
    return transports
  end
  local names = {}
  for key, value in pairs(transports) do
    names[#names + 1] = math.type(key) == "integer" and tostring(value) or ("%s %s"):format(key, tostring(value))
  end
  if not transports[1] then
    table.sort(names)
  end
  return names[1] and table.concat(names, ", ")
end

local function where_is(target)
  local address = target.address
  if type(address) == "table" then
    local host = tostring(address.address or address.host or "?")
    host = host:find(":", 1, true) and "[" .. host .. "]" or host
    address = address.port and ("%s:%s"):format(host, tostring(address.port)) or host
  end
  return address
end

-- flat(list): notes and the like as lines, however many lines each of them has.
function wording.flat(list, prefix)
  local out = {}
  for _, item in ipairs(list or {}) do
    for index, line in ipairs(escape.lines(item, MOST_LINES, 400)) do
      out[#out + 1] = (index == 1 and prefix or "  ") .. line
    end
  end
  local left = #out - MOST_LINES
  if left > 0 then
    table.move({}, 1, left, MOST_LINES + 1, out)
    out[MOST_LINES + 1] = ("... (%d lines more)"):format(left)
  end
  return out
end

-- heading(run): what the reader must know to believe, or repeat, what follows.
function wording.heading(run)
  local target, out = run.target or {}, {}
  local function say(format, ...)
    local values = table.pack(...)
    for index = 1, values.n do
      values[index] = escape.printable(values[index], 400)
    end
    out[#out + 1] = format:format(table.unpack(values, 1, values.n))
  end
  local place, transports = where_is(target), transports_of(target)
  say("assay %s: %s%s", run.assay or "?", target.name or "unnamed target",
    (place and " at " .. place or "") .. (transports and " (" .. transports .. ")" or ""))
  if run.started then
    say("started %s%s", run.started, run.seed ~= nil and ", seed " .. tostring(run.seed) or "")
  end
  if run.capture then
    say("packets: %s", run.capture)
  end
  if run.server_name or run.realm then
    say('server name "%s", realm "%s"', run.server_name, run.realm)
  end
  if run.third_party ~= nil then
    say("third-party authorization: %s", run.third_party and "offered" or "not offered")
  end
  if run.integrity_key then
    local forms = { full = "the whole mac_key", first16 = "only the first 16 octets of mac_key" }
    say("integrity is keyed with %s", forms[run.integrity_key] or run.integrity_key)
  end
  if run.command then
    say("command: %s", run.command)
  end
  table.move(wording.flat(run.notes, "note: "), 1, MOST_LINES + 1, #out + 1, out)
  return out
end

-- tally() -> an empty count of verdicts; a report that is broken off has no other summary.
function wording.tally()
  local counts = {}
  for _, verdict in ipairs(wording.VERDICTS) do
    counts[verdict] = 0
  end
  return counts
end

-- counts(summary, tally, strict): "61 passed, 0 failed, 3 warnings, …". The summary's numbers win over the tally.
function wording.counts(summary, tally, strict)
  local function number(verdict)
    return math.tointeger(summary and summary[verdict]) or tally[verdict] or 0
  end
  local text = ("%d passed, %d failed, %d warning%s%s, %d inconclusive, %d skipped"):format(
    number("pass"), number("fail"), number("warn"), number("warn") == 1 and "" or "s",
    strict and number("warn") > 0 and " (strict: as failed)" or "", number("inconclusive"), number("skip")
  )
  local seconds = summary and tonumber(summary.seconds)
  return seconds and ("%s in %.1f s"):format(text, seconds) or text
end

-- missing(done, planned, interrupted) -> a sentence | nil when all that was planned has run.
function wording.missing(done, planned, interrupted)
  local all = not planned or done >= planned
  if interrupted then
    return planned and ("interrupted: %d of %d scenarios have run"):format(done, planned) or "interrupted"
  end
  return not all and ("only %d of %d planned scenarios have run"):format(done, planned) or nil
end

-- sections(result): "RFC 7635 7, RFC 5389 10.2.2", or nothing.
function wording.sections(result)
  local sections = result.sections or {}
  return sections[1] and escape.printable(table.concat(sections, ", "), 200) or nil
end

return wording
