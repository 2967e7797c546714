-- SPDX-License-Identifier: BSD-3-Clause
--
-- Everything the reference server decides, as one table of small functions: the server calls nothing else, and these
-- call each other only through the table (server.behaviour). So a fault replaces one decision, at the place where an
-- implementer would have got it wrong, and the conforming logic knows nothing of faults.

local behaviour = {}

local topics = { "arrival", "message", "challenge", "credentials", "token", "allocation", "relay" }

-- A fresh table of the conforming behaviour, the caller's to change.
function behaviour.new()
  local all = {}
  for _, topic in ipairs(topics) do
    for name, decide in pairs(require("reference.behaviour." .. topic)) do
      assert(all[name] == nil, name)
      all[name] = decide
    end
  end
  return all
end

return behaviour
