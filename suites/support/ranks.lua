-- SPDX-License-Identifier: BSD-3-Clause
--
-- Do two series of measurements differ, and by how much? Medians, the rank test of Mann and Whitney in its normal
-- approximation, and Cliff's delta as the size of the effect. It knows numbers only.

local ranks = {}

function ranks.median(values)
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  local middle = #sorted // 2
  return #sorted % 2 == 1 and sorted[middle + 1] or (sorted[middle] + sorted[middle + 1]) / 2
end

-- delta: from -1 (every a lies below every b) by 0 (neither) to 1; z: how many standard deviations the rank sum lies
-- from what chance gives. Both series have at least one value.
function ranks.compare(a, b)
  local above, below = 0, 0
  for _, x in ipairs(a) do
    for _, y in ipairs(b) do
      if x > y then above = above + 1 elseif x < y then below = below + 1 end
    end
  end
  local pairs_of_both = #a * #b
  local deviation = math.sqrt(pairs_of_both * (#a + #b + 1) / 12)
  return { delta = (above - below) / pairs_of_both, z = (above - below) / 2 / deviation }
end

return ranks
