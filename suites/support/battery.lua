-- SPDX-License-Identifier: BSD-3-Clause
--
-- Fires malformed messages at the target, in batches that wait for nothing, and asks after each batch for life: a bare
-- Allocate must be answered. A target that dies of a batch is started again; the batch is sent again to see that it
-- was this, the messages are reduced to the shortest sequence that does it (support/shrink.lua), and that is written as
-- a reproducer, described so that it can be made anew in another session (support/malformed.lua).
--
-- What is fired does not pass the recorder, which would take longer than the target; the last of a reproduction does,
-- so that report and capture show the deadly messages.

local bytes = require "bytes"
local client = require "support.client"
local clock = require "clock"
local expect = require "support.expect"
local json = require "json"
local malformed = require "support.malformed"
local minting = require "support.minting"
local mutation = require "support.mutation"
local net = require "net"
local shrink = require "support.shrink"
local stop = require "support.stop"
local stun = require "stun"
local system = require "system"
local token = require "token"
local transports = require "support.transports"
local wire = require "support.wire"

local battery = {}
battery.__index = battery

local BATCH = 64 -- messages between two questions for life
local MOST_OCTETS = 128 * 1024 -- of a batch: what a socket takes in while the target is busy
local MOST_FINDINGS = 3 -- in one scenario, each of another kind of defect
local MOST_QUESTIONS = 24 -- of a reduction: each may cost a restart
local TRIES, MOST_TRIES = 3, 10 -- of one sequence: what is read behind the end of something kills now and then
local FEW = 8 -- messages that are each tried alone in the end
local LEAST_PATIENCE, MOST_PATIENCE = 1, 6 -- seconds within which a target that lives answers
local POOL = 64 -- sockets that messages of `anyone` are sent from
local MOST_ON_STREAM = 1500 -- messages of one scenario over TCP or TLS
local PATIENT = 3 -- attempts, each twice as long as the one before, where a wrong answer would stay
local SETTLE = 0.05 -- seconds behind the last message: a target of several threads may die behind its last answer
local ENDING, HURRIED_ENDING = 0.5, 0.05 -- seconds until the end of a process that answers no more is known

local unrecorded = { watch = function() end }

local function is_stream(name) return not transports.is_datagram(name) end

-- t: the hands of a scenario that is alone and may do harm. transport: where the messages go.
function battery.new(t, transport)
  local bench = t.bench
  local schedule = bench.retransmission
  local patience = math.min(math.max(schedule.total, LEAST_PATIENCE), MOST_PATIENCE)
  local timing = { rto = patience / 19, rc = 5, rm = 4, total = patience, tcp_timeout = patience }
  return setmetatable({
    t = t, bench = bench, transport = transport or t.transport, timing = timing, sent = 0, not_made = 0, seconds = 0,
    answers = 0, malformed_answers = 0, successes = 0, fired = 0, findings = {}, life = {}, held = {},
  }, battery)
end

-- A schedule so many times as long.
local function stretched(timing, times)
  local total = timing.total * times
  return { rto = timing.rto * times, rc = timing.rc, rm = timing.rm, total = total, tcp_timeout = total }
end

-- A fresh 5-tuple with a challenge, and what malformed.render asks of it. nil, text when the target does not answer.
-- timing: that of the battery, if nothing is said.
function battery:session(record, timing)
  local bench = self.bench
  if bench.dead then return nil, bench.dead end
  timing = timing or self.timing
  local one, problem = client.open(bench, record or unrecorded, self.transport, timing.total)
  if not one then return nil, problem end
  local mac_key = bytes.random(20)
  local session = { client = one, endpoint = one.endpoint, mac_key = mac_key }
  bench.custody.held = function() one:close() end -- a wait for an answer ends with the target
  local lives
  lives, problem = self:lives(session, timing)
  if not lives then
    one:close()
    return nil, problem
  end
  session.integrity_key = function(key) return bench:integrity_key(key) end
  session.mac_key_of = function(size) return mac_key:rep(size // 20 + 1):sub(1, size) end
  session.mint = function(fields, kid)
    fields.kid, fields.mac_key = kid, fields.mac_key or mac_key
    return minting.mint(bench, fields)
  end
  session.cut_block = function(size, kid)
    local minted, long_term = session.mint({}, kid), bench:key(kid or 1)
    local block = string.pack(">s2I8I4", minted.mac_key, token.timestamp(minted.issued), minted.lifetime)
    minted.octets = assert(token.seal {
      algorithm = minted.algorithm, key = long_term.octets, server_name = bench.server_name or "",
      plaintext = block:sub(1, size),
    })
    return minted
  end
  session.token = session.mint({})
  session.key = bench:integrity_key(mac_key)
  return session
end

-- Whether the target answers a bare Allocate; its challenge is kept. false, text when it does not.
function battery:lives(session, timing)
  local one = session.client
  one.step = "Allocate without credentials, to see whether the target lives"
  local octets, request = one:craft("Allocate", { credentials = false })
  local answer = one:transact(octets, request, timing or self.timing)
  if not answer.message and not answer.malformed then return false, self.bench.dead or answer.failure end
  self:look_at(answer.message, answer.failure)
  if answer:code() == 401 then one:adopt(answer) end
  session.realm, session.nonce = one.realm or "", one.nonce or ""
  return true
end

-- The session again on a fresh 5-tuple. Up to so many attempts, each of which has twice as long as the one before: a
-- target that is only busy answers in the end. false, text when it does not.
function battery:renew(session, attempts, record)
  local another, problem = nil, self.bench.dead
  for i = 1, attempts do
    another, problem = self:session(record, stretched(self.timing, 1 << (i - 1)))
    if another or self.bench.dead then break end
  end
  if not another then return false, problem end
  if session.client then session.client:close() end
  for name in pairs(session) do session[name] = nil end -- it has neither allocation nor channel any more
  for name, value in pairs(another) do session[name] = value end
  return true
end

-- Whether the target answers: on the session, or on a fresh one, since a connection that brought something broken may
-- have been ended for it. An answer on one connection does not say that what came on others was read; that somebody who
-- came after them is served does. patient: one that is only busy has eight times as long.
function battery:alive(session, patient)
  local lives, problem = false, nil
  if not self.separate then lives, problem = self:lives(session) end
  if lives and #self.held == 0 then return true end
  self.renewed = not lives
  if self.bench.dead then return false, self.bench.dead end
  self:drain(session)
  local attempts = patient and PATIENT or transports.protocol(self.transport) == "udp" and 0 or 1
  if attempts == 0 then return false, problem end
  return self:renew(session, attempts)
end

-- The question behind all that was sent.
function battery:settled(session, patient)
  net.sleep(SETTLE)
  if self.bench.dead then return false, self.bench.dead end
  return self:alive(session, patient)
end

function battery:look_at(message, problem)
  self.answers = self.answers + 1
  if message then return end
  self.malformed_answers = self.malformed_answers + 1
  self.malformed_answer = self.malformed_answer or problem
end

-- What came back meanwhile is looked at: is each a well-formed STUN message? An allocation that was made is put down.
function battery:drain(session)
  local endpoint = session.endpoint
  while endpoint:pending() > 0 do
    local octets = endpoint:receive(0)
    if not octets then break end
    local message, problem = stun.parse(octets)
    if message or not stun.parse_channel_data(octets) then
      self:look_at(message, not message and ("%s (%s)"):format(problem, bytes.hex(octets:sub(1, 64))))
    end
    if message and message:class() == "success" then
      self.successes = self.successes + 1
      if message:method() == "Allocate" then session.allocated = true end
    end
  end
  if session.allocated and session.token then
    session.allocated = false
    local refresh = malformed.render({ base = "refresh", edits = { { "replace", "LIFETIME", "\0\0\0\0" } } }, session)
    if refresh then endpoint:send(refresh) end
  end
end

-- Whether a message leaves the stream that it goes over in order, so that what follows can be read.
local function is_framed(octets)
  local length = #octets >= 20 and octets:byte(1) < 0x40 and string.unpack(">I2", octets, 3)
  return length == #octets - 20 and length % 4 == 0
end

-- What one message goes out on: the session itself, or on a stream, which a broken message may end, one of its own.
function battery:place_for(one, session, record)
  if not self.separate then
    if not is_stream(self.transport) then return session end
    local octets = malformed.render(one, session)
    if not octets or is_framed(octets) then return session end
  end
  if one.bound or one.base and not malformed.bases[one.base].bare then return self:session(record) end
  local opened = client.open(self.bench, record or unrecorded, self.transport, self.timing.total)
  return opened and { client = opened, endpoint = opened.endpoint }
end

-- Sends one message. Its octets, or nil where it cannot be made, or nil, "dead".
function battery:fire(one, session, record)
  self.bench.limits:take()
  local octets
  if one.steps then
    local run = wire.run(self.bench, self.transport, one, self.timing.total, record or unrecorded)
    if not run then return nil, "dead" end
    self.held[#self.held + 1], octets = run, run.sent
  else
    local own = self:place_for(one, session, record)
    if not own then return nil, "dead" end
    if own ~= session then self.held[#self.held + 1] = own end
    octets = malformed.render(one, own)
    if octets and one.bound then self:bind(own) end
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

-- Gives the session an allocation with a channel, where the target makes one.
function battery:bind(session)
  local one = session.client
  if session.bound or not session.token then return end
  session.bound = true
  local answer = one:request("Allocate", { token = session.token, step = "an allocation for a channel" })
  if answer and one.allocated then
    one:request("ChannelBind", { channel = 0x4000, peer = self.t:peer(one), step = "a channel" })
  end
end

-- The connections of a batch stay open until the target was asked for life; then what came on them is looked at.
function battery:let_go()
  for _, one in ipairs(self.held) do
    if one.client then self:drain(one) end
    local owner = one.client or one
    owner:close()
  end
  self.held = {}
end

-- A socket of the pool, each in its turn: the senders of a flood are not one.
function battery:someone()
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

-- Sends the messages from `first` on that make a batch. Returns the number of the last one.
function battery:volley(list, first, session, record)
  local octets, last = 0, first
  while last <= #list do
    local sent, dead = self:fire(list[last], session, record)
    if dead then break end
    octets = octets + (sent and #sent or 0)
    if last - first + 1 >= BATCH or octets >= MOST_OCTETS then break end
    last = last + 1
  end
  return math.min(last, #list)
end

-- A batch and the question for life behind it: the number of its last message, whether the target lives, else why not.
-- A connection that the target has ended for one message did not carry the next: these are sent again, each on its own.
function battery:batch(list, first, session, record)
  local last, lives, problem
  repeat
    self.renewed = false
    last = self:volley(list, first, session, record)
    lives, problem = self:alive(session, record ~= nil or not self.reducing)
    if lives then self:drain(session) end
    self:let_go()
    local again = lives and self.renewed and not self.separate and transports.protocol(self.transport) ~= "udp"
    if again then self.separate = true end
  until not again
  return last, lives, problem
end

-- Sends a sequence to a target that lives, in batches. true when it is dead afterwards, and how it ended; it lives
-- again then, unless that is not to be had (which ends the scenario).
function battery:kills(list, record)
  if record then self.last_octets = {} end
  local session, position = {}, 1
  local lives, problem = self:renew(session, PATIENT, record)
  if not lives then
    self:bury(problem) -- whatever it ended of, it was none of these
    return false
  end
  while lives and position <= #list do
    local last
    last, lives, problem = self:batch(list, position, session, record)
    position = last + 1
  end
  if lives then lives, problem = self:settled(session, record ~= nil or not self.reducing) end
  session.client:close()
  if lives then return false end
  return true, self:bury(problem)
end

-- The target is dead or silent: it is put away and started again. Returns how it ended.
function battery:bury(problem)
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

-- The command that sends a reproducer again.
function battery:command(path)
  return self.bench.custody.rerun("robustness/reproduce/input", path)
end

function battery:write(finding)
  local folder = self.bench.folder
  if not folder then return nil end
  local number = (self.bench.reproducers or 0) + 1
  self.bench.reproducers = number
  local path = ("%s/reproducer-%d.json"):format(folder, number)
  local messages = json.array {}
  for i, one in ipairs(finding.messages) do
    messages[i] = malformed.encode(one, finding.octets and finding.octets[i])
  end
  local file, problem = system.open(path, "w")
  if not file then return nil, problem end
  local ok
  ok, problem = file:write(json.encode({
    type = "reproducer", target = self.bench.profile.name, transport = self.transport, seed = self.bench.seed,
    scenario = self.t.id, ending = finding.ending, confirmed = finding.confirmed, command = self:command(path),
    messages = messages,
  }, { "type", "target", "command", "ending" }) .. "\n")
  file:close()
  return ok and path, problem
end

-- Starts the target anew, where that is ours to do, so that what happens is the doing of what is sent from now on.
function battery:refresh()
  local custody = self.bench.custody
  self.life = {}
  if not custody.launched then return end
  local ok, why = custody.revive()
  if not ok then stop.inconclusive("the target does not come up: " .. tostring(why)) end
end

-- Does the sequence kill a target that was started for it, in one of so many tries? Then also how it ended.
function battery:does(list, tries, record)
  for _ = 1, tries do
    self:refresh()
    local deadly, ending = self:kills(list, record)
    if deadly then return true, ending end
  end
  return false
end

-- The shortest sequence that was seen to kill; nil where none of those that were sent does it again.
function battery:reduce(batch, history)
  local whole = self:does(batch, TRIES) and batch
  if not whole and #history > #batch and self:does(history, TRIES) then whole = history end
  if not whole then return nil end
  self.reducing = true -- a wrong answer to one of many questions shows in the end
  local shortest = shrink.shortest(whole, function(list) return (self:does(list, TRIES)) end, MOST_QUESTIONS)
  -- A message that kills only now and then is easily taken for one that needs company.
  for i = #shortest, #shortest > 1 and #shortest <= FEW and 1 or #shortest + 1, -1 do
    if self:does({ shortest[i] }, MOST_TRIES) then
      shortest = { shortest[i] }
      break
    end
  end
  self.reducing = false
  for _, list in ipairs { shortest, whole } do
    local deadly, ending = self:does(list, MOST_TRIES, self.t.record)
    if deadly then return list, ending end
  end
end

-- After a batch that the target did not outlive. Returns a finding: { ending =, confirmed =, messages = descriptions }.
function battery:investigate(batch, problem)
  local history = self.life
  local ending, silent = self:bury(problem)
  local finding = {
    ending = ending, silent = silent, confirmed = false, messages = #history > #batch and history or batch,
  }
  self.t.last_words = ("one of %d messages, the first: %s"):format(#finding.messages, finding.messages[1].what)
  if self.bench.custody.launched then
    local shortest, how = self:reduce(batch, history)
    if shortest then
      finding.messages, finding.ending, finding.confirmed, finding.octets = shortest, how, true, self.last_octets
    end
  end
  finding.path, finding.problem = self:write(finding)
  self.findings[#self.findings + 1] = finding
  return finding
end

-- Fires a list. A target that dies of one kind of defect is spared the rest of that kind.
function battery:run(list)
  local spared, position, batch = {}, 1, {}
  local session = self:begin()
  -- The messages of the batch from first to last were too much: who is blamed, and a fresh start.
  local function lost(first, last, problem)
    self:pause(session)
    local sent = table.move(batch, first, last, 1, {})
    local finding = self:investigate(sent, problem)
    for _, one in ipairs(finding.confirmed and finding.messages or sent) do spared[one.class] = true end
    if not self.bench.dead then session = self:begin() end
  end
  while position <= #list and #self.findings < MOST_FINDINGS and not self.bench.dead do
    batch = {}
    while position <= #list and #batch < BATCH do
      if not spared[list[position].class] then batch[#batch + 1] = list[position] end
      position = position + 1
    end
    local first = 1
    while first <= #batch do
      local last, lives, problem = self:batch(batch, first, session)
      table.move(batch, first, last, #self.life + 1, self.life)
      if not lives then
        lost(first, last, problem)
        break
      end
      first = last + 1
    end
  end
  if #self.life > 0 and not self.bench.dead then
    local lives, problem = self:settled(session, true)
    if not lives then lost(1, #batch, problem) end
  end
  if not self.bench.dead then self:pause(session) end
end

-- A session to fire on, from when on messages and seconds count.
function battery:begin()
  local session = {}
  local lives, problem = self:renew(session, PATIENT)
  if not lives then stop.inconclusive("no challenge to begin with: " .. tostring(problem)) end
  self.began, self.sent_before = clock.monotonic(), self.sent
  return session
end

function battery:pause(session)
  session.client:close()
  self.seconds = self.seconds + clock.monotonic() - self.began
  self.fired = self.fired + self.sent - self.sent_before
end

-- One finding in words.
function battery:describe(finding)
  local whats = {}
  for i, one in ipairs(finding.messages) do
    if i > 3 then
      whats[i] = ("and %d more"):format(#finding.messages - 3)
      break
    end
    whats[i] = one.what
  end
  local text = table.concat(whats, "; then ")
  if not finding.confirmed then
    return ("%s after %d messages, which do not do it again (the first: %s)"):format(finding.ending, #finding.messages,
      finding.messages[1] and finding.messages[1].what or "none")
  end
  return ("%s after %s"):format(finding.ending, text)
end

-- What the scenarios of robustness do: the target takes a valid token before, withstands a list of messages, and takes
-- a valid token afterwards. more: make(session) → the list; transport; requirement: the row that a death breaks, if
-- the catalogue has one (RFC 5389 section 7.3, by which a message with an error is discarded, has no row: a death then
-- makes the verdict and cites nothing); answers = true: their form is judged too.
function battery.withstands(t, more)
  local self = battery.new(t, more.transport)
  self:refresh()
  t:control {}
  local session = {}
  local lives, problem = self:renew(session, PATIENT)
  if not lives then t:inconclusive("no challenge to begin with: " .. tostring(problem)) end
  local list = more.make(session)
  if is_stream(self.transport) and #list > MOST_ON_STREAM then
    t:note("%d of %d messages, since many need a connection of their own", MOST_ON_STREAM, #list)
    list = mutation.spread(list, MOST_ON_STREAM)
  end
  session.client:close()
  self:run(list)
  for _, endpoint in pairs(self.pool or {}) do endpoint:close() end
  t.bench.custody.held = nil
  t.last_words = ("%d malformed messages, the last: %s"):format(self.sent, #list > 0 and list[#list].what or "none")
  t:note("%d malformed messages over %s from seed %d, %.0f a second; %d answers, %d of them a success%s", self.fired,
    self.transport, t.bench.seed, self.fired / math.max(self.seconds, 1e-6), self.answers, self.successes,
    self.not_made > 0 and ("; %d more do not apply here, or do not fit"):format(self.not_made) or "")
  for _, finding in ipairs(self.findings) do self:report(finding, more.requirement) end
  if #self.findings == 0 then
    t:rule(more.requirement, expect.new(true, "a target that goes on serving", "it serves"),
      { label = "the target lives" })
  end
  if more.answers then
    t:check("5389-6-01", expect.new(self.malformed_answers == 0, "every answer to them is a well-formed STUN message",
      self.malformed_answer or ("%d answers are"):format(self.answers)))
  end
  if not t.bench.dead then t:control {} end
  return self
end

-- A finding becomes a verdict and notes.
function battery:report(finding, requirement)
  local t = self.t
  local unsure = finding.silent and not finding.confirmed
  t:rule(requirement, expect.new(false, "a target that goes on serving", self:describe(finding), {
    unclear = unsure and self:describe(finding) or nil,
  }), { label = "the target lives: " .. finding.messages[#finding.messages].class })
  if finding.path then
    t:note("%s sends it again: %s", finding.path, self:command(finding.path))
  elseif finding.problem then
    t:note("the reproducer cannot be written: %s", finding.problem)
  else
    t:note("a run with --out DIR writes a reproducer of %d message%s", #finding.messages,
      #finding.messages == 1 and "" or "s")
  end
end

-- Sends a reproducer, recorded. The target must outlive it.
function battery.reproduce(t, reproducer)
  if not t.profile.features[reproducer.transport] then
    t:inconclusive(("the reproducer is for %s, which the profile does not name"):format(reproducer.transport))
  end
  local self = battery.new(t, reproducer.transport)
  local deadly, ending = self:does(reproducer.messages, t.bench.custody.launched and MOST_TRIES or 1, t.record)
  t.bench.custody.held = nil
  t:note("%d of %d messages were sent over %s", self.sent, #reproducer.messages, self.transport)
  if self.sent == 0 then t:inconclusive "none of its messages can be made for this target" end
  local finding = { ending = ending, confirmed = true, messages = reproducer.messages }
  t:rule(nil, expect.new(not deadly, "a target that goes on serving", deadly and self:describe(finding) or "it serves"))
end

return battery
