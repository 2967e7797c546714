-- SPDX-License-Identifier: BSD-3-Clause
--
-- A message as the server looks at it: what it says, where it came from and when, and only those of its attributes
-- that count (RFC 5389 15.4). What lies behind the integrity value is not to be seen through here.

local request = {}
request.__index = request

-- visible: array of the attributes that count, of the form message:attributes() has.
-- client: { key =, transport =, address =, port =, send = function(octets) }. received: seconds since 1970.
function request.new(message, client, visible, received)
  local self = setmetatable({
    message = message, client = client, visible = visible, received = received,
    class = message:class(), method = message:method(), counts = {},
  }, request)
  for _, attribute in ipairs(visible) do
    self.counts[attribute.name] = (self.counts[attribute.name] or 0) + 1
  end
  return self
end

function request:has(name)
  return self.counts[name] ~= nil
end

function request:count(name)
  return self.counts[name] or 0
end

-- The value as octets; nil when there is none.
function request:raw(name, nth)
  if (nth or 1) > self:count(name) then return nil end
  return self.message:raw(name, nth or 1)
end

-- The value decoded; nil when there is none; nil and a text when it is malformed.
function request:get(name, nth)
  if (nth or 1) > self:count(name) then return nil end
  return self.message:get(name, nth or 1)
end

return request
