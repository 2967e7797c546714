-- SPDX-License-Identifier: BSD-3-Clause
--
-- The record of one scenario: what went through the sockets of its clients, which step of it each message belongs to,
-- and what of it answers what. Received messages go from here to the invariants.

local clock = require "clock"
local context = require "support.context"
local exchange = require "support.exchange"
local name_of = require("support.address").text
local net = require "net"
local stun = require "stun"

local record = {}
record.__index = record

record.none = { watch = function() end } -- a record that keeps nothing

local WAIT <const> = 0.02 -- seconds between two looks for missing packets
local MOST_WAITED <const> = 1 -- seconds, for one record

-- A target may send without end. Of what answers nothing, or answers once more, a record keeps so much and counts the
-- rest.
local MOST_UNASKED <const>, MOST_UNASKED_OCTETS <const> = 500, 1 << 20

-- recorder: support/recorder.lua, to which it belongs; id: of the scenario.
function record.new(recorder, id)
  return setmetatable({
    id = id, recorder = recorder, entries = {}, steps = {}, said = {}, started = clock.now(), transmissions = {},
    answers = {}, excess = {}, kinds = {}, requests = {}, unasked = 0, unasked_octets = 0, left_out = 0,
  }, record)
end

-- Keeps everything that goes through the endpoint of a client, and knows the flow as ours from now on. With
-- client.beneath = "tls" | "dtls" it is what these stand upon, and no message of STUN; with client.unruly = true what
-- is sent is broken on purpose, and nobody can say what the target reads in it, nor what it answers then.
function record:watch(endpoint, client)
  local flow = {
    record = self, client = client, transport = client.beneath or endpoint:transport(), address = endpoint:address(),
    context = context.new(client.bench:known()), opened = clock.now(), packets = 0, octets = 0,
  }
  self.recorder:own(flow, endpoint)
  endpoint:tap(function(direction, octets, peer, time)
    self:keep(flow, direction, octets, peer or client.remote, time)
  end)
end

local function transaction_of(octets)
  return #octets >= 20 and octets:byte(1) < 64 and octets:sub(9, 20) or nil
end

-- Whether there is room for one more message that was not asked for; it is counted either way.
function record:has_room(octets)
  self.unasked, self.unasked_octets = self.unasked + 1, self.unasked_octets + #octets
  if self.unasked <= MOST_UNASKED and self.unasked_octets <= MOST_UNASKED_OCTETS then return true end
  self.left_out = self.left_out + 1
  return false
end

-- Whether a message is the answer that a transmission of ours may have, and no more of them than there may be.
function record:is_due(octets)
  local transaction = transaction_of(octets)
  return transaction and octets:byte(1) & 1 == 1
    and (self.answers[transaction] or 0) < (self.transmissions[transaction] or 0)
end

function record:keep(flow, direction, octets, peer, time)
  local sent = direction == "sent"
  if direction == "received" and not self:is_due(octets) and not self:has_room(octets) then
    if flow.encrypted then flow.own.received = flow.own.received + #octets end
    return
  end
  local entry = {
    direction = direction, octets = octets, transport = flow.transport, time = time,
    from = sent and flow.address or peer, to = sent and peer or flow.address, step = flow.client.step,
    scene = self.id, flow = flow,
  }
  self.entries[#self.entries + 1] = entry
  if flow.encrypted and direction ~= "icmp" then
    entry.encrypted = true
    flow.own[direction] = flow.own[direction] + #octets
  end
  local beneath, unruly = flow.client.beneath, flow.client.unruly
  local transaction = direction ~= "icmp" and not beneath and transaction_of(octets)
  if transaction and sent then self.steps[transaction] = entry.step end
  if direction ~= "icmp" then entry.step = self:step_of("sockets", sent, octets, entry.step) end
  if transaction and sent then
    if self.answers[transaction] then self.kinds[transaction .. name_of(flow.address)] = nil end -- it is asked anew
    self.transmissions[transaction] = (self.transmissions[transaction] or 0) + 1
    self.requests[transaction] = self.requests[transaction] or entry
    flow.waiting = transaction
  elseif transaction then
    if flow.waiting == transaction then flow.waiting = nil end
    if not unruly then self:weigh(entry, transaction) end
  end
  if direction == "received" and name_of(peer) ~= name_of(flow.client.remote) then
    self:differ("%s came from %s, the request went to %s", entry.step, name_of(peer), name_of(flow.client.remote))
  end
  local judged = direction == "received" and not beneath and not unruly and self.recorder.on_message
  if judged and self:concerns_target(flow, entry) then
    self.recorder.on_message(self:seen(entry, flow), entry)
  end
  if not self.recorder.live and direction ~= "icmp" then self.recorder:synthesize(flow, entry) end
end

-- Whether the message can be laid to the target: it comes from it or answers what it was asked, and is no late answer
-- to whoever had our port before, while we ourselves wait for none.
function record:concerns_target(flow, entry)
  local transaction = transaction_of(entry.octets)
  if transaction and self.requests[transaction] then return true end
  if name_of(entry.from) ~= name_of(flow.client.remote) then return false end
  local is_answer = transaction and entry.octets:byte(1) & 1 == 1
  return not is_answer or flow.waiting ~= nil
end

-- A received message as the invariants take it.
function record:seen(entry, flow)
  local message, problem = stun.parse(entry.octets)
  local asked = self.requests[transaction_of(entry.octets) or ""]
  local request = asked and stun.parse(asked.octets) or nil
  local token, keys, secrets = flow.context:of(request, message)
  local profile = flow.client.bench.profile
  return {
    octets = entry.octets, message = message, problem = problem, request = request,
    from = name_of(entry.from), to = name_of(entry.to), asked = asked and name_of(asked.to),
    transport = entry.transport, token = token, keys = keys, secrets = secrets,
    rfc8489 = profile.rfc8489, delta = flow.client.bench:delta(),
  }
end

-- The step that a packet belongs to: that of its request, or else the one that its client is at. Both records ask, one
-- before the other: who asks first for the n-th packet of these octets settles it for both.
function record:step_of(asker, sent, octets, current)
  local key = (sent and ">" or "<") .. octets
  local said = self.said[key] or { sockets = 0, libpcap = 0 }
  self.said[key] = said
  local count = said[asker] + 1
  said[asker] = count
  local transaction = transaction_of(octets)
  said[count] = said[count] or transaction and self.steps[transaction] or current
  return said[count]
end

-- "a success response", "an error response 401"; nil for what is neither.
local function kind_of(octets)
  local message = stun.parse(octets)
  local class = message and message:class()
  if class == "success" then return "a success response" end
  if class ~= "error" then return nil end
  local value = message:get "ERROR-CODE"
  return value and ("an error response %d"):format(value.code) or "an error response"
end

-- What a server may answer at one moment and not at the next: there is an allocation by then or none any more, a nonce
-- is over, there is no room. A network that doubles a request has it asked at both.
local of_a_moment = {}
for _, code in ipairs { 300, 437, 438, 486, 500, 508 } do of_a_moment[("an error response %d"):format(code)] = true end

-- Whether a network that doubles a request may bring about answers of both kinds. By the time that a session's request
-- comes again there may be another session, with another key, or its token may be over.
local function may_both_be(octets, kind, other)
  if of_a_moment[kind] or of_a_moment[other] then return true end
  local method = stun.parse(octets):method()
  local of_session = method ~= "Allocate" and method ~= "Binding"
  return of_session and (kind == "an error response 401" or other == "an error response 401")
end

-- An answer to nothing, or more answers than there were requests.
function record:weigh(entry, transaction)
  local class = entry.octets:byte(1) & 1
  if class == 0 then return end -- a request or an indication
  local answers = (self.answers[transaction] or 0) + 1
  self.answers[transaction] = answers
  local asked = self.transmissions[transaction] or 0
  -- More answers than requests are none of a network's making, unless it doubles what it carries.
  local kind = kind_of(entry.octets)
  local asker = transaction .. name_of(entry.to) -- the same octets may go from elsewhere too
  self.kinds[asker] = self.kinds[asker] or kind
  if answers > asked then
    local before = self.kinds[asker]
    if kind and kind ~= before and not may_both_be(entry.octets, kind, before) then
      self.contradiction = ("the target contradicts itself: %s is answered with %s and with %s"):format(entry.step,
        before, kind)
    end
    local most = self.excess[entry.step]
    if not most or answers - asked > most.answers - most.asked then
      self.excess[entry.step] = { answers = answers, asked = asked }
    end
  end
end

-- Of each step the request that had most answers too many: the others say the same.
function record:tell_excess()
  for step, most in pairs(self.excess) do
    local answers, asked = most.answers, most.asked
    self:differ("%s: %d answer%s to %d transmission%s of a request", step, answers, answers == 1 and "" or "s",
      asked, asked == 1 and "" or "s")
  end
end

-- Whether more answers came to a request than it was sent: the network doubles what it carries, or the target does.
function record:is_doubled(octets)
  local transaction = transaction_of(octets)
  return transaction and (self.answers[transaction] or 0) > (self.transmissions[transaction] or 0) or false
end

function record:differ(format, ...)
  self.recorder:differ(self.id .. ": " .. format:format(...))
end

-- Whether an entry has no frame yet and should have one.
function record:is_to_be_found(entry)
  return not entry.frame and not entry.encrypted and entry.direction ~= "icmp" and not entry.flow.cut
end

-- Finds the frames of a record's entries among what libpcap has seen so far. Returns how many have none yet.
function record:find_frames()
  local own, missing = self.recorder, 0
  own.live:drain()
  for _, entry in ipairs(self.entries) do
    if self:is_to_be_found(entry) then
      entry.frame = own:frame_of(entry)
      if not entry.frame then missing = missing + 1 end
    end
  end
  return missing
end

-- The same, with patience: on a busy machine the kernel takes its time to hand packets over. What is waited for one
-- record is bounded, and what a run waits in all, for it may be that a packet is never seen.
function record:resolve()
  local own = self.recorder
  if not own.live then return end
  local least = math.max(0, own.patience - MOST_WAITED)
  while self:find_frames() > 0 and own.patience > least do
    own.patience = own.patience - WAIT
    net.sleep(WAIT)
  end
end

function record:exchange(full)
  return exchange.of(self.entries, self.started, full, self.recorder.explain)
end

-- What was sent last, for a person; nil where nothing was.
function record:last_sent()
  for i = #self.entries, 1, -1 do
    local entry = self.entries[i]
    if entry.direction == "sent" then return ("%s (%s)"):format(entry.step, exchange.summary(entry.octets)) end
  end
end

return record
