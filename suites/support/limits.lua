-- SPDX-License-Identifier: BSD-3-Clause
--
-- What a profile allows us to burden its target with: messages a second and allocations at once. Everything that is
-- sent passes here, the retransmissions too (they are charged afterwards, so the average holds).

local clock = require "clock"
local net = require "net"

local limits = {}
limits.__index = limits

-- max_rate: messages a second or nil; max_allocations: allocations at once or nil.
function limits.new(max_rate, max_allocations)
  return setmetatable({
    interval = max_rate and 1 / max_rate or 0, next_time = 0,
    room = max_allocations, changed = net.condition(),
  }, limits)
end

-- Waits until one more message may be sent.
function limits:take()
  if self.interval == 0 then return end
  local now = clock.monotonic()
  local slot = math.max(now, self.next_time)
  self.next_time = slot + self.interval
  if slot > now then net.sleep(slot - now) end
end

-- `count` messages were sent without asking (retransmissions): the next ones wait for them.
function limits:charge(count)
  if self.interval > 0 then self.next_time = math.max(clock.monotonic(), self.next_time) + count * self.interval end
end

-- Waits for room for `count` allocations; false when the target never allows that many.
function limits:reserve(count)
  if not self.room then return true end
  self.most = self.most or self.room
  if count > self.most then return false end
  while self.room < count do self.changed:wait() end
  self.room = self.room - count
  return true
end

-- Takes room for `count` allocations if there is any now; false where there is none.
function limits:try(count)
  if self.room and self.room < count then return false end
  if self.room then self.room = self.room - count end
  return true
end

function limits:release(count)
  if not self.room then return end
  self.room = self.room + count
  self.changed:notify()
end

return limits
