-- SPDX-License-Identifier: BSD-3-Clause
--
-- How far the target's clock is from ours. A target that assay launched runs on our clock; a profile may state the
-- offset (clock_offset); else both edges of a token's time are found by bisection. With `offset` what the target's
-- clock is ahead, RFC 7635 section 7 lets a token of age `a` in while abs(a + offset) < lifetime + Delta, so the oldest
-- age let in is lifetime + Delta - offset and the youngest -(lifetime + Delta) - offset: half their sum is -offset.
--
-- Up to 2 s are allowed for. What depends on a clock that is further off, or not known, is inconclusive.

local timekeeping = {}

local LIFETIME = 600 -- of the tokens asked with
local FAR = 3700 -- past any Delta (AMB-06), in seconds
local FINE = 0.5
local ALLOWED = 2

-- The edge between an age that is let in and one that is not, to `fine` seconds: the last of both. nil when an answer
-- decided nothing.
function timekeeping.bracket(let_in, inside, outside, fine)
  while math.abs(outside - inside) > fine do
    local middle = (inside + outside) / 2
    local accepted = let_in(middle)
    if accepted == nil then return nil end
    if accepted then inside = middle else outside = middle end
  end
  return inside, outside
end

local function edge(let_in, inside, outside)
  inside, outside = timekeeping.bracket(let_in, inside, outside, FINE)
  return inside and (inside + outside) / 2
end

-- let_in(age) → true, false, or nil when the answer decided nothing: a token of LIFETIME seconds, `age` seconds old.
-- delta: of the profile, or nil. Returns the offset in seconds, or nil; a sentence for the report; and the Delta, where
-- it could be measured.
function timekeeping.measure(let_in, delta)
  if let_in(0) ~= true then
    return nil, ("a token of %d s issued now is refused: its clock is further off than that, or it refuses all")
      :format(LIFETIME)
  end
  local oldest = let_in(LIFETIME + FAR) == false and edge(let_in, 0, LIFETIME + FAR)
  if not oldest then return nil, "it refuses no old token, so its clock cannot be told" end
  local youngest = let_in(-(LIFETIME + FAR)) == false and edge(let_in, 0, -(LIFETIME + FAR))
  local width = youngest and (oldest - youngest) / 2 - LIFETIME -- its Delta, if it takes the absolute value
  if width and width > -1 then
    local offset = -(oldest + youngest) / 2
    if math.abs(offset) < FINE / 2 then offset = 0.0 end -- finer than was looked
    return offset, ("its clock is %.1f s ahead of ours and its Delta is %.1f s (both measured)")
      :format(offset, width), math.max(width, 0)
  end
  local offset = LIFETIME + (delta or 5) - oldest
  return offset, ("its clock is %.1f s ahead of ours if its Delta is %g s (%s; %s, so the two "
    .. "cannot be told apart)"):format(offset, delta or 5, delta and "the profile says so" or "as RFC 7635 recommends",
    youngest and "it takes hardly any token from the future" or "it refuses no token from the future")
end

timekeeping.LIFETIME = LIFETIME

-- Finds the offset where it is not known, and says in bench.clock_unknown why rows about time cannot be judged.
-- Returns a note for the report, or nil.
function timekeeping.settle(bench, let_in)
  if bench.profile.launch or bench.profile.clock_offset then return nil end
  local offset, text, delta = timekeeping.measure(let_in, bench.profile.delta)
  bench.measured_delta = delta
  if not offset then
    bench.clock_unknown = "the clock of the target is not known: " .. text
  elseif math.abs(offset) > ALLOWED then
    bench.clock_unknown = ("the clock of the target is too far from ours: %s; if that is so, say clock_offset = %.1f "
      .. "in its profile"):format(text, offset)
  end
  return text
end

return timekeeping
