-- SPDX-License-Identifier: BSD-3-Clause
--
-- Finds the shortest part of a sequence that still does what the whole does, by asking. It knows nothing of what the
-- sequence holds, nor of what is asked: each question may cost the restart of a target, so their number is bounded.

local shrink = {}

-- Without the items first to last.
local function without(list, first, last)
  local rest = {}
  for i, one in ipairs(list) do
    if i < first or i > last then rest[#rest + 1] = one end
  end
  return rest
end

-- list: a sequence of which does(list) is known to be true; most: questions at most. Returns the shortest sequence
-- found (in the order of the list), and how many questions it took. What it returns was itself seen to do it.
function shrink.shortest(list, does, most)
  local asked = 0
  local function ask(some)
    if asked >= most then return false end
    asked = asked + 1
    return does(some)
  end

  -- The end of the sequence that matters: with `high` messages it does, with `low` it does not.
  local low, high = 0, #list
  while high - low > 1 and asked < most do
    local middle = (low + high) // 2
    if ask(table.move(list, 1, middle, 1, {})) then high = middle else low = middle end
  end
  local best = table.move(list, 1, high, 1, {})
  if #best <= 1 then return best, asked end

  -- Mostly it is the last one alone.
  local last = { best[#best] }
  if ask(last) then return last, asked end

  -- Else what is not needed is left out, in ever smaller pieces, the last one kept.
  local piece = #best // 2
  while piece >= 1 and asked < most do
    local first = 1
    while first < #best and asked < most do
      local fewer = without(best, first, math.min(first + piece - 1, #best - 1))
      if ask(fewer) then best = fewer else first = first + piece end
    end
    piece = piece // 2
  end
  return best, asked
end

return shrink
