-- SPDX-License-Identifier: BSD-3-Clause
--
-- A bounded memory: what was put in is found for `lifetime` seconds, unless so much came after it that it was dropped.
-- Two tables take turns, so that forgetting costs nothing and there is never more than twice `limit` entries.

local cache = {}
cache.__index = cache

-- limit: entries in one of the two tables.
function cache.new(lifetime, limit)
  return setmetatable({ lifetime = lifetime, limit = limit, young = {}, old = {}, count = 0, since = 0 }, cache)
end

function cache:put(name, value, now)
  if self.count >= self.limit or now - self.since >= self.lifetime then
    self.old, self.young, self.count, self.since = self.young, {}, 0, now
  end
  self.young[name] = { value = value, at = now }
  self.count = self.count + 1
end

-- The value, or nil when it was never put in or is forgotten.
function cache:get(name, now)
  local entry = self.young[name] or self.old[name]
  return entry and now - entry.at < self.lifetime and entry.value or nil
end

return cache
