-- SPDX-License-Identifier: BSD-3-Clause
--
-- What a result that is not a pass has to show for itself: which of its checks, and the messages that were exchanged,
-- as bounded plain text. It chooses and cuts; how the text is laid out belongs to the form that prints it.

local escape = require("reports.escape")

local evidence = {}

local RANK = { fail = 1, inconclusive = 2, warn = 3 }

local LINE = 160 -- octets of a decoded line that are shown
local HEAD, TAIL = 20, 40 -- messages named one by one, from either end
local HEX = 128 -- digits shown of a message that could not be decoded

-- checks(result) -> shown, implied. `shown`: the checks that do not hold, the gravest first, without those that only
-- repeat another requirement's verdict (implied_by); these are `implied`, to be named in a line. Where all of them are
-- implied, the gravest is shown all the same: a red without its evidence would help nobody.
function evidence.checks(result)
  local shown, implied = {}, {}
  for place, check in ipairs(result.checks or {}) do
    if RANK[check.verdict] then
      local list = check.implied_by and implied or shown
      list[#list + 1] = { check = check, place = place }
    end
  end
  local function graver(a, b)
    local x, y = RANK[a.check.verdict], RANK[b.check.verdict]
    if x ~= y then
      return x < y
    end
    return a.place < b.place
  end
  table.sort(shown, graver)
  table.sort(implied, graver)
  if #shown == 0 and #implied > 0 then
    shown[1] = table.remove(implied, 1)
  end
  local function checks_of(list)
    local out = {}
    for index, item in ipairs(list) do
      out[index] = item.check
    end
    return out
  end
  return checks_of(shown), checks_of(implied)
end

-- whole(folder) -> where everything is that was cut here.
function evidence.whole(folder)
  if folder then
    return escape.printable(folder, 200) .. "/results.ndjson has the whole"
  end
  return "a run with --out DIR keeps the whole in results.ndjson"
end

-- frames(result) -> "12, 13, 17-19" | nil: the packets of the capture that belong to this result, in order.
function evidence.frames(result)
  local numbers, seen = {}, {}
  for _, message in ipairs(result.exchange or {}) do
    local number = math.tointeger(message.frame)
    if number and not seen[number] then
      seen[number] = true
      numbers[#numbers + 1] = number
    end
  end
  table.sort(numbers)
  local out, at = {}, 1
  while at <= #numbers do
    local last = at
    while numbers[last + 1] == numbers[last] + 1 do
      last = last + 1
    end
    out[#out + 1] = last > at and ("%d-%d"):format(numbers[at], numbers[last]) or tostring(numbers[at])
    at = last + 1
  end
  if #out > 40 then
    out[41] = ("... (%d more)"):format(#out - 40)
  end
  return out[1] and table.concat(out, ", ", 1, math.min(#out, 41)) or nil
end

local function headline(message)
  local parts = { ("%+.3f s"):format(tonumber(message.time) or 0), escape.printable(message.direction, 20) }
  local from, to = message.from, message.to
  if from or to then
    parts[#parts + 1] = ("%s %s -> %s"):format(
      escape.printable(message.transport or "?", 10),
      escape.printable(from or "?", 64),
      escape.printable(to or "?", 64)
    )
  end
  parts[#parts + 1] = message.frame and "frame " .. escape.printable(message.frame, 20) or "no frame"
  parts[#parts + 1] = escape.printable(message.summary or "not decoded", LINE)
  return table.concat(parts, "  ")
end

local function body(message, most)
  if message.text then
    return escape.lines(message.text, most, LINE)
  end
  local hex = message.hex and tostring(message.hex) or ""
  if hex == "" then
    return {}
  end
  local out = "octets " .. escape.printable(hex:sub(1, HEX))
  if #hex > HEX then
    out = ("%s ... (%d octets more)"):format(out, (#hex - HEX) // 2)
  end
  return { out }
end

-- exchange(result, budget, each, folder) -> array of lines, the first of which never begins with a space; nil when no
-- message was exchanged. Every message has its headline (of a flood, the first and last ones); `budget` lines of
-- decoded text, `each` a message at most, go to the latest messages first, since the verdict is usually about these.
-- What was left out is said, with the place that has it.
function evidence.exchange(result, budget, each, folder)
  local messages = result.exchange or {}
  if #messages == 0 then
    return nil
  end
  local decoded, undecoded = {}, 0
  for index = #messages, 1, -1 do
    local named = index <= HEAD or index > #messages - TAIL
    local lines = named and body(messages[index], each) or {}
    if named and #lines <= budget then
      budget = budget - #lines
      decoded[index] = lines
    else
      undecoded = undecoded + 1
      budget = 0 -- whole messages from the end, not the small ones from anywhere
    end
  end
  local out = { ("%d message%s"):format(#messages, #messages == 1 and "" or "s") }
  local frames = evidence.frames(result)
  if frames then
    out[1] = ("%s, frame%s %s of the capture"):format(out[1], frames:find("%D") and "s" or "", frames)
  end
  if undecoded > 0 then
    out[1] = ("%s; %d of them not decoded here, %s"):format(out[1], undecoded, evidence.whole(folder))
  end
  local step
  for index, message in ipairs(messages) do
    if index <= HEAD or index > #messages - TAIL then
      if message.step and message.step ~= step then
        step = message.step
        out[#out + 1] = "step: " .. escape.printable(step, LINE)
      end
      out[#out + 1] = headline(message)
      for _, line in ipairs(decoded[index] or {}) do
        out[#out + 1] = "    " .. line
      end
    elseif index == HEAD + 1 then
      local left = #messages - HEAD - TAIL
      out[#out + 1] = ("... %d messages are not named here, %s"):format(left, evidence.whole(folder))
    end
  end
  return out
end

return evidence
