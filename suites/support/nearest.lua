-- SPDX-License-Identifier: BSD-3-Clause
--
-- Names that a mistyped one may stand for.

local nearest = {}

-- The number of single-octet insertions, removals and changes that lie between two words.
function nearest.distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
    end
  end
  return row[#b]
end

-- The one of a set of names that is nearest to a word, if it is no further away than a slip or two: the first in the
-- alphabet of several. nil where none is.
function nearest.of(word, names)
  local best, least = nil, math.min(3, #word // 2 + 1)
  local sorted = {}
  for name in pairs(names) do sorted[#sorted + 1] = name end
  table.sort(sorted)
  for _, name in ipairs(sorted) do
    local distance = nearest.distance(word:sub(1, 64), name)
    if distance < least then best, least = name, distance end
  end
  return best
end

return nearest
