-- SPDX-License-Identifier: BSD-3-Clause
--
-- The catalogue of faults: changes of behaviour.lua that an implementer would really make, each with the requirements
-- it breaks. Several can be put on one server, in the order given. A fault is
--
--   { name = "accept-expired",        permanent; a verb and what it is done to
--     about = "…",                    one line
--     requirements = { "7635-7-09" }, broken by it; the first is the one it was made for
--     third_party = false,            where it shows only on a server that takes no tokens
--     suite = "robustness",           where no other suite can catch it (of a variant: what it is there to show)
--     transports = { "tls", "dtls" }, where it shows over these alone
--     kind = "fault" | "variant",     a variant breaks nothing by itself: it is for what no verdict may depend on
--     apply = function(behaviour) … end }

local nearest = require "support.nearest"

local faults = {}

local topics = {
  "challenge", "admission", "nonce", "answers", "signature", "key", "token", "cbc", "time", "lifetime", "session",
  "allocation", "relaying", "carrier", "fragility", "haste", "beneath", "variant",
}

faults.all = {} -- in the order of the topics

local by_name = {}

for _, topic in ipairs(topics) do
  for _, fault in ipairs(require("reference.faults." .. topic)) do
    assert(not by_name[fault.name], fault.name)
    fault.kind, fault.topic = fault.kind or "fault", topic
    by_name[fault.name] = fault
    faults.all[#faults.all + 1] = fault
  end
end

function faults.find(name)
  return by_name[name]
end

-- Puts the named faults on a fresh table of behaviour. An unknown name is an error.
function faults.apply(behaviour, names)
  for _, name in ipairs(names) do
    local fault = by_name[name] or error(("there is no fault '%s'"):format(tostring(name)), 2)
    fault.apply(behaviour)
  end
end

-- Up to three names that a mistyped one may stand for, nearest first.
function faults.nearest(name)
  local ranked = {}
  for i, fault in ipairs(faults.all) do
    local within = fault.name:find(name, 1, true) and #name > 2
    local distance = within and 0 or nearest.distance(name:sub(1, 64), fault.name)
    ranked[i] = { name = fault.name, distance = distance, place = i }
  end
  table.sort(ranked, function(a, b)
    if a.distance ~= b.distance then return a.distance < b.distance end
    return a.place < b.place
  end)
  local names = {}
  for i = 1, math.min(3, #ranked) do names[i] = ranked[i].name end
  return names
end

return faults
