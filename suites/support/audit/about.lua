-- SPDX-License-Identifier: BSD-3-Clause
--
-- Which messages a rule is about, as a table of facts:
--
--     about = { class = "error", code = 420, request = { has = { "ACCESS-TOKEN" }, lacks = { "MESSAGE-INTEGRITY" } } }
--
-- A value, or a list of them, is compared with the fact of that name; false wants a fact that is absent. has and lacks
-- name attributes; request is the same of the request that is answered, which must be known. Facts and their words are
-- those of engine/audit/facts.h.

local about = {}

local function is_one_of(fact, wanted)
  if type(wanted) ~= "table" then
    if wanted == false then return not fact end
    return fact == wanted
  end
  for _, one in ipairs(wanted) do
    if is_one_of(fact, one) then return true end
  end
  return false
end

-- Whether a message with these facts is one that the filter (nil: any) is about.
function about.matches(filter, facts)
  for name, wanted in pairs(filter or {}) do
    if name == "has" or name == "lacks" then
      for _, attribute in ipairs(wanted) do
        if (facts.has[attribute] or false) ~= (name == "has") then return false end
      end
    elseif name == "request" then
      if not facts.request or not about.matches(wanted, facts.request) then return false end
    elseif not is_one_of(facts[name], wanted) then
      return false
    end
  end
  return true
end

return about
