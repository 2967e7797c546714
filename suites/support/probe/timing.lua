-- SPDX-License-Identifier: BSD-3-Clause
--
-- The server's clock and its Delta, from which tokens it takes. A token of lifetime L and age a (by our clock) is good
-- while abs(a + offset) < L + Delta, where offset is what the server's clock is ahead (RFC 7635 section 7): the oldest
-- age it takes is L + Delta - offset, the youngest -(L + Delta) - offset. Both are found by bisection and looked for
-- again with another lifetime, since an edge that does not move with the lifetime is none of this formula.

local timekeeping = require "support.timekeeping"

local timing = {}

local LIFETIME <const>, SHIFT <const> = 600, 600 -- seconds; the second lifetime is longer by SHIFT
local COARSE <const>, FINE <const> = 2, 0.25
local SLACK <const> = 2 -- around an edge that is looked for again: servers may count whole seconds
local far <const> = { 3700, 86400, 366 * 86400 } -- past the lifetime, in turn, until one is refused

-- let_in(age, lifetime, whole) → true, false or nil, for this server; whole: at a moment at which the timestamp is a
-- whole second, so that a server that drops the fraction drops nothing. Notes the longest exchange, which blurs every
-- edge.
local function asker(s, measured)
  measured.blur = 0
  return function(age, lifetime, whole)
    local outcome = s:allocate {
      whole_second = whole, token = { kid = s.good.kid, lifetime = lifetime or LIFETIME, age = age },
      step = ("Allocate, a token of %d s, %.1f s old"):format(lifetime or LIFETIME, age),
    }
    measured.asked = (measured.asked or 0) + 1
    if outcome.ok ~= nil then measured.blur = math.max(measured.blur, outcome.elapsed) end
    if outcome.ok == nil then measured.problem = outcome.got end
    return outcome.ok
  end
end

-- An age by our clock that is about now by the server's; nil when there is none. A token of `good` seconds is taken.
local function centre_of(let_in, good)
  if let_in(0) then return 0 end
  local low, high = LIFETIME, good
  while high - low > 240 do
    local middle = math.floor(high > 4 * low and math.sqrt(low * high) or (low + high) / 2)
    local taken = let_in(0, middle)
    if taken == nil then return nil end
    if taken then high = middle else low = middle end
  end
  for _, age in ipairs { -high, high } do
    if let_in(age) then return age end
  end
end

-- The last age that is taken and the first that is not, in one direction (1: older); where even the furthest is taken,
-- nil and how far that is past the lifetime.
local function edge(let_in, centre, direction)
  local inside = centre
  for _, distance in ipairs(far) do
    local outside = centre + direction * (LIFETIME + distance)
    local taken = let_in(outside)
    if taken == nil then return nil end
    if not taken then
      local last, first = timekeeping.bracket(let_in, inside, outside, COARSE)
      if not last then return nil end
      local function exactly(age) return let_in(age, nil, true) end
      last, first = timekeeping.bracket(exactly, last - direction, first + direction, FINE)
      return last and { taken = last, refused = first }
    end
    inside = outside
  end
  return nil, far[#far]
end

-- Does the edge move with the lifetime?
local function moves(let_in, found, direction)
  local shift = direction * SHIFT
  return let_in(found.taken + shift - direction * SLACK, LIFETIME + SHIFT) == true
    and let_in(found.refused + shift + direction * SLACK, LIFETIME + SHIFT) == false
end

-- Measures. Returns { centre =, old = { taken =, refused =, moves = }, young = likewise, old_open =, young_open = (how
-- far past its lifetime a token is still taken, where no edge was found), blur = seconds, problem = text }.
function timing.measure(s)
  local measured = { lifetime = LIFETIME }
  local let_in = asker(s, measured)
  measured.centre = centre_of(let_in, s.good.lifetime)
  if not measured.centre then
    measured.problem = measured.problem or "a token is taken only if it is good for years"
    return measured
  end
  measured.old, measured.old_open = edge(let_in, measured.centre, 1)
  measured.young, measured.young_open = edge(let_in, measured.centre, -1)
  if measured.old then measured.old.moves = moves(let_in, measured.old, 1) end
  if measured.young then measured.young.moves = moves(let_in, measured.young, -1) end
  -- The control: had it stopped taking tokens altogether, everything refused before would mean nothing.
  if let_in(measured.centre) ~= true then
    return { lifetime = LIFETIME, problem = "it has stopped taking good tokens meanwhile", asked = measured.asked }
  end
  return measured
end

-- Between which values offset and Delta lie: { offset = { low, high }, delta = { low, high } }, or { difference =
-- { low, high } } (Delta - offset) where only the old edge follows the lifetime; nil where none does.
function timing.read(measured)
  local old, young, blur = measured.old, measured.young, measured.blur
  if not old or not old.moves then return nil end
  -- A token grows older while its request is under way.
  local oldest = { old.taken, old.refused + blur }
  if not young or not young.moves then
    return { difference = { oldest[1] - LIFETIME, oldest[2] - LIFETIME } }
  end
  local youngest = { young.refused, young.taken + blur }
  return {
    offset = { -(oldest[2] + youngest[2]) / 2, -(oldest[1] + youngest[1]) / 2 },
    delta = { (oldest[1] - youngest[2]) / 2 - LIFETIME, (oldest[2] - youngest[1]) / 2 - LIFETIME },
  }
end

-- One value for an interval: a whole number where one lies in it, else its middle to a tenth.
function timing.value(interval)
  local middle = (interval[1] + interval[2]) / 2
  local whole = math.floor(middle + 0.5)
  if whole >= interval[1] and whole <= interval[2] then return whole end
  return math.floor(middle * 10 + 0.5) / 10
end

-- A Delta to a whole second. A server whose clock counts whole seconds shows it half a second shorter than it is.
function timing.delta(interval)
  return math.max(0, math.floor((interval[1] + interval[2]) / 2 + 0.75))
end

return timing
