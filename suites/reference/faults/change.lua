-- SPDX-License-Identifier: BSD-3-Clause
--
-- What faults are written with.

local cache = require "reference.cache"

local change = {}

-- Replaces behaviour[name] by with(original, ...).
function change.wrap(behaviour, name, with)
  local original = assert(behaviour[name], name)
  behaviour[name] = function(...) return with(original, ...) end
end

-- The attributes of a list but those of one name.
function change.without(attributes, name)
  local kept = {}
  for _, attribute in ipairs(attributes) do
    if attribute[1] ~= name then kept[#kept + 1] = attribute end
  end
  return kept
end

-- The attributes of a list and one more.
function change.with(attributes, attribute)
  local longer = table.move(attributes, 1, #attributes, 1, {})
  longer[#longer + 1] = attribute
  return longer
end

-- Takes one attribute out of the challenges that pick(cause) picks.
function change.omit_from_challenge(behaviour, name, pick)
  change.wrap(behaviour, "challenge_attributes", function(original, server, request, cause)
    local attributes = original(server, request, cause)
    return pick(cause) and change.without(attributes, name) or attributes
  end)
end

-- Adds to the challenges that pick(cause) picks what make(server, request) yields, if anything.
function change.add_to_challenge(behaviour, pick, make)
  change.wrap(behaviour, "challenge_attributes", function(original, server, request, cause)
    local extra = pick(cause) and make(server, request)
    local attributes = original(server, request, cause)
    return extra and change.with(attributes, extra) or attributes
  end)
end

-- Refuses with another code for one cause.
function change.code_for(behaviour, cause, code)
  change.wrap(behaviour, "challenge_code", function(original, which)
    return which == cause and code or original(which)
  end)
end

-- A function that drops a request: not only now, but whenever it is transmitted again, when its nonce may have become
-- too old and another check would answer it.
function change.dropper(behaviour)
  local dropped = cache.new(40, 1024)
  change.wrap(behaviour, "answer", function(original, server, request)
    if dropped:get(behaviour.retransmission_name(request), request.received) then return nil end
    return original(server, request)
  end)
  return function(request)
    dropped:put(behaviour.retransmission_name(request), true, request.received)
    return nil
  end
end

-- Lets the network lose the answers to requests with is_lost, which only looks as if the server gave none.
function change.lose_answers(behaviour)
  change.wrap(behaviour, "deliver", function(original, server, request, octets)
    if not request.is_lost then return original(server, request, octets) end
  end)
end

-- No answer at all for one cause of refusal.
function change.silence_for(behaviour, cause)
  local drop = change.dropper(behaviour)
  change.wrap(behaviour, "challenge", function(original, server, request, which)
    if which == cause then return drop(request) end
    return original(server, request, which)
  end)
end

-- Signs the answers that pick(request, answer) picks with key(server, request), nil for not at all.
function change.sign(behaviour, pick, key)
  change.wrap(behaviour, "response_key", function(original, server, request, answer)
    if pick(request, answer) then return key(server, request) end
    return original(server, request, answer)
  end)
end

function change.absent(cause) return cause == "absent" end

function change.stale(cause) return cause == "stale" end

-- Refused for what was shown: neither for showing nothing nor for the nonce.
function change.refused(cause) return cause ~= "absent" and cause ~= "stale" and cause ~= "incomplete" end

return change
