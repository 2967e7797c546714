-- SPDX-License-Identifier: BSD-3-Clause
--
-- What is left to chance and can be had again: numbers and octets that a seed decides. Nothing that is to be a secret
-- comes from here.

local chance = {}

-- A generator of numbers (splitmix64): next(n) is one of 1 to n. The same seed gives the same numbers everywhere.
function chance.generator(seed)
  local state = seed
  return function(n)
    state = state + 0x9E3779B97F4A7C15
    local z = state
    z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ~ (z >> 27)) * 0x94D049BB133111EB
    return ((z ~ (z >> 31)) & 0x7FFFFFFFFFFFFFFF) % n + 1
  end
end

-- So many octets from a generator.
function chance.octets(next_number, n)
  local words = {}
  for i = 1, n // 7 + 1 do words[i] = string.pack("<I7", next_number(1 << 56) - 1) end
  return table.concat(words):sub(1, n)
end

return chance
