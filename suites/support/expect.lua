-- SPDX-License-Identifier: BSD-3-Clause
--
-- An expectation is what a check is made of: did it hold, what was expected, what came instead. It knows a third
-- outcome beside yes and no: `unclear`, a sentence that tells why the observation decides nothing.

local expect = {}

local expectation = {}
expectation.__index = expectation

-- ok: boolean; expected and got: short texts for a person. more.unclear: why nothing can be decided;
-- more.silent: what was observed is the absence of an answer, which counts only while the target lives.
function expect.new(ok, expected, got, more)
  more = more or {}
  return setmetatable({
    ok = not not ok and not more.unclear, expected = expected, got = got,
    unclear = more.unclear, silent = more.silent,
  }, expectation)
end

function expect.is(value)
  return getmetatable(value) == expectation
end

-- The same expectation the other way round.
function expectation:negated(expected)
  return expect.new(not self.ok and not self.unclear, expected, self.got, { unclear = self.unclear })
end

local function printable(value)
  if type(value) ~= "string" then return tostring(value) end
  return '"' .. value:gsub("[^\x20-\x7E]", function(octet) return ("\\x%02X"):format(octet:byte()) end) .. '"'
end

-- Equal values; octet strings are compared octet by octet and shown with what cannot be printed escaped.
function expect.same(got, expected)
  return expect.new(got == expected, printable(expected), printable(got))
end

-- All of several expectations: the first that does not hold speaks for them.
function expect.all(list)
  local expected, got = {}, {}
  for _, one in ipairs(list) do
    if one.unclear or not one.ok then return one end
    expected[#expected + 1] = one.expected
    got[#got + 1] = one.got
  end
  return expect.new(true, table.concat(expected, "; "), table.concat(got, "; "))
end

-- The first of several expectations that holds, else the first that is unclear, else the last.
function expect.any(list)
  local expected, said, unclear = {}, {}, nil
  for _, one in ipairs(list) do
    if one.ok then return one end
    unclear = unclear or (one.unclear and one)
    if not said[one.expected] then expected[#expected + 1] = one.expected end
    said[one.expected] = true
  end
  if unclear then return unclear end
  local last = list[#list]
  return expect.new(false, table.concat(expected, ", or "), last.got, { silent = last.silent })
end

return expect
