-- SPDX-License-Identifier: BSD-3-Clause
--
-- Sends malformed messages in batches that wait for nothing, and asks after each batch for life: a bare Allocate must
-- be answered. A target that dies of them is started again, where that is ours to do.
--
-- What is fired does not pass the recorder, which would take longer than the target, unless a record is given for it.

local clock = require "clock"
local malformed = require "support.malformed"
local net = require "net"
local record_of = require "support.record"
local session = require "support.battery.session"
local stop = require "support.stop"
local stun = require "stun"
local transports = require "support.transports"
local wire = require "support.wire"

local firing = {}
firing.__index = firing

firing.BATCH = 64 -- messages between two questions for life
firing.PATIENT = 3 -- attempts, each twice as long as the one before, where a wrong answer would stay

local MOST_OCTETS = 128 * 1024 -- of a batch: what a socket takes in while the target is busy
local LEAST_PATIENCE, MOST_PATIENCE = 1, 6 -- seconds within which a target that lives answers
local POOL = 64 -- sockets that messages of `anyone` are sent from
local SETTLE = 0.05 -- seconds behind the last message: a target of several threads may die behind its last answer
local ENDING, HURRIED_ENDING = 0.5, 0.05 -- seconds until the end of a process that answers no more is known

-- t: the hands of a scenario that is alone and may do harm. transport: where the messages go.
function firing.new(t, transport)
  local schedule = t.bench.retransmission
  local patience = math.min(math.max(schedule.total, LEAST_PATIENCE), MOST_PATIENCE)
  return setmetatable({
    bench = t.bench, transport = transport, peer = function(one) return t:peer(one) end,
    timing = { rto = patience / 19, rc = 5, rm = 4, total = patience, tcp_timeout = patience },
    sent = 0, not_made = 0, answers = 0, malformed_answers = 0, successes = 0,
    life = {}, -- what was sent since the target was started
    held = {}, -- connections of a batch
  }, firing)
end

function firing:close()
  for _, endpoint in pairs(self.pool or {}) do endpoint:close() end
end

function firing:look_at(message, problem)
  self.answers = self.answers + 1
  if message then return end
  self.malformed_answers = self.malformed_answers + 1
  self.malformed_answer = self.malformed_answer or problem
end

-- Starts the target anew, where that is ours to do, so that what happens is the doing of what is sent from now on.
function firing:refresh()
  local custody = self.bench.custody
  self.life = {}
  if not custody.launched then return end
  local ok, why = custody.revive()
  if not ok then stop.inconclusive("the target does not come up: " .. tostring(why)) end
end

-- The target is dead or silent: it is put away and started again. Returns how it ended.
function firing:bury(problem)
  local bench = self.bench
  local patience = not bench.custody.launched and 0 or self.reducing and HURRIED_ENDING or ENDING
  local deadline = clock.monotonic() + patience
  while not bench.dead and clock.monotonic() < deadline do net.sleep(0.01) end
  local silent = not bench.dead
  if silent then bench.custody.give_up(problem) end
  local ending = bench.dead
  if bench.custody.launched then
    local ok, why = bench.custody.revive()
    if not ok then stop.inconclusive(("%s, and it does not come up again: %s"):format(ending, why)) end
  end
  self.life = {}
  return ending, silent
end

-- Whether the target answers: on the session, or on a fresh one, since a connection that brought something broken may
-- have been ended for it. An answer on one connection does not say that what came on others was read; that somebody who
-- came after them is served does. patient: one that is only busy has eight times as long.
function firing:alive(from, patient)
  local lives, problem = false, nil
  if not self.separate then lives, problem = from:lives(self.timing) end
  if lives and #self.held == 0 then return true end
  self.renewed = not lives
  if self.bench.dead then return false, self.bench.dead end
  from:drain()
  local attempts = patient and firing.PATIENT or transports.protocol(self.transport) == "udp" and 0 or 1
  if attempts == 0 then return false, problem end
  return from:renew(attempts)
end

-- The question behind all that was sent.
function firing:settled(from, patient)
  net.sleep(SETTLE)
  if self.bench.dead then return false, self.bench.dead end
  return self:alive(from, patient)
end

-- Whether a message leaves the stream that it goes over in order, so that what follows can be read.
local function is_framed(octets)
  local length = #octets >= 20 and octets:byte(1) < 0x40 and string.unpack(">I2", octets, 3)
  return length == #octets - 20 and length % 4 == 0
end

-- What one message goes out on: the session itself, or on a stream, which a broken message may end, one of its own.
function firing:place_for(one, from, record)
  if not self.separate then
    if transports.is_datagram(self.transport) then return from end
    local octets = malformed.render(one, from)
    if not octets or is_framed(octets) then return from end
  end
  if one.bound or one.base and not malformed.bases[one.base].bare then
    return session.open(self, record, self.timing)
  end
  return (session.bare(self, record, self.timing.total))
end

-- A socket of the pool, each in its turn: the senders of a flood are not one.
function firing:someone()
  self.pool = self.pool or {}
  self.turn = (self.turn or 0) % POOL + 1
  local endpoint = self.pool[self.turn]
  if not endpoint then
    endpoint = net.udp { remote = self.bench.addresses[self.transport] }
    self.pool[self.turn] = endpoint
    -- A late answer must not come to somebody else of this run.
    if endpoint then self.bench.used_ports[endpoint:address().port] = true end
  end
  while endpoint and endpoint:pending() > 0 do self:look_at(stun.parse(endpoint:receive(0) or "")) end
  return endpoint
end

-- Sends one message. Its octets, or nil where it cannot be made, or nil, "dead".
function firing:fire(one, from, record)
  self.bench.limits:take()
  local octets
  if one.steps then
    local run = wire.run(self.bench, self.transport, one, self.timing.total, record or record_of.none)
    if not run then return nil, "dead" end
    self.held[#self.held + 1], octets = run, run.sent
  else
    local own = self:place_for(one, from, record)
    if not own then return nil, "dead" end
    if own ~= from then self.held[#self.held + 1] = own end
    octets = malformed.render(one, own)
    if octets and one.bound then own:bind(self.peer) end
    if octets then
      own.client.step, own.client.unruly = one.what, true
      local flood = one.anyone and transports.protocol(self.transport) == "udp" and not record
      local endpoint = flood and self:someone() or own.endpoint
      if not endpoint:send(octets) then octets = nil end -- too long for the transport, or the session has ended
    end
  end
  if octets then
    self.sent = self.sent + 1
    if record then self.last_octets[#self.last_octets + 1] = octets end
  else
    self.not_made = self.not_made + 1
  end
  return octets
end

-- The connections of a batch stay open until the target was asked for life; then what came on them is looked at.
function firing:let_go()
  for _, one in ipairs(self.held) do
    if one.client then one:drain() end
    one:close()
  end
  self.held = {}
end

-- Sends the messages from `first` on that make a batch. Returns the number of the last one.
function firing:volley(list, first, from, record)
  local octets, last = 0, first
  while last <= #list do
    local sent, dead = self:fire(list[last], from, record)
    if dead then break end
    octets = octets + (sent and #sent or 0)
    if last - first + 1 >= firing.BATCH or octets >= MOST_OCTETS then break end
    last = last + 1
  end
  return math.min(last, #list)
end

-- A batch and the question for life behind it: the number of its last message, whether the target lives, else why not.
-- A connection that the target has ended for one message did not carry the next: these are sent again, each on its own.
function firing:batch(list, first, from, record)
  local last, lives, problem
  repeat
    self.renewed = false
    last = self:volley(list, first, from, record)
    lives, problem = self:alive(from, record ~= nil or not self.reducing)
    if lives then from:drain() end
    self:let_go()
    -- One that answered may have ended since: of what it read before.
    if lives and self.bench.dead then lives, problem = false, self.bench.dead end
    local again = lives and self.renewed and not self.separate and transports.protocol(self.transport) ~= "udp"
    if again then self.separate = true end
  until not again
  return last, lives, problem
end

-- Sends a sequence to a target that lives, in batches. true when it is dead afterwards, and how it ended; it lives
-- again then, unless that is not to be had (which ends the scenario).
function firing:kills(list, record)
  if record then self.last_octets = {} end
  local from, position = session.new(self), 1
  local lives, problem = from:renew(firing.PATIENT, record)
  if not lives then
    self:bury(problem) -- whatever it ended of, it was none of these
    return false
  end
  while lives and position <= #list do
    local last
    last, lives, problem = self:batch(list, position, from, record)
    position = last + 1
  end
  if lives then lives, problem = self:settled(from, record ~= nil or not self.reducing) end
  from:close()
  if lives then return false end
  return true, self:bury(problem)
end

-- Does the sequence kill a target that was started for it, in one of so many tries? Then also how it ended.
function firing:does(list, tries, record)
  for _ = 1, tries do
    self:refresh()
    local deadly, ending = self:kills(list, record)
    if deadly then return true, ending end
  end
  return false
end

return firing
