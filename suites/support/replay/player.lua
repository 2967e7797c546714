-- SPDX-License-Identifier: BSD-3-Clause
--
-- Plays the score of a capture (extract.lua) to one live server: each flow on a socket of its own, its requests in
-- their order and at their times, flows that ran beside each other beside each other. A request that the captured
-- client sent after it had an answer waits for that answer here too; where nothing is to be waited for, pour.lua plays.

local clock = require "clock"
local compare = require "support.replay.compare"
local extract = require "support.replay.extract"
local net = require "net"
local parcels = require "support.replay.parcels"
local rewrite = require "support.replay.rewrite"
local system = require "system"
local token = require "token"
local transports = require "support.transports"
local voice_of = require "support.replay.voice"

local player = {}
player.__index = player

local FLOWS <const> = 256 -- at once, when it goes as fast as possible
local RESERVED <const> = 64 -- descriptors that are not for sockets
local SILENT <const> = 20 -- requests in a row without the answer that the capture has, until the target is given up
local LATE <const> = 0.1 -- seconds that are worth telling
local STALE <const> = 438
local TURN <const> = 32 -- data that are sent before others have their turn
local PATIENCE <const> = 1 -- seconds for data that had come back by then in the capture

-- bench: of the target; options: speed (1: as captured, 0: as fast as possible), verbatim, wait; shares: how many
-- players share the descriptors; heard(flow, step, outcome, octets): told of each request that was played, if given.
function player.new(bench, options, score, shares, heard)
  local self = setmetatable({
    bench = bench, options = options, score = score, heard = heard, users = {}, keys = {}, nonce_lengths = {},
    tokens = {}, older_tokens = {}, token_count = 0, changes = {},
    tally = compare.new(score), sent = 0, done = 0, playing = 0, late = 0, left = 0, silent = 0, crowded = 0,
    changed = net.condition(), halt = net.condition(), voices = {}, flying = {}, elsewhere = {},
    turn = 0,
  }, player)
  self.parcels = options.data and parcels.new(self) or nil
  for _, user in ipairs(bench.profile.users) do
    self.users[user.name] = user.password
    self.first_user = self.first_user or user.name
  end
  bench.any_port = not options.wait -- what a server remembers of a port is no matter then
  self.room = math.max(1, (system.descriptors() - RESERVED) // shares)
  if options.speed == 0 and options.wait then self.room = math.min(self.room, FLOWS) end
  self.room = math.min(self.room, bench.profile.max_allocations or self.room)
  return self
end

-- The transport of the target that stands for one of the capture: the same, over the same family where it has both,
-- else its first.
function player:way(flow)
  local transport = flow.transport
  local six, same = flow.from.address:find(":", 1, true) ~= nil, nil
  for _, name in ipairs(self.bench.transports) do
    if transports.protocol(name) == transport then
      if (self.bench.addresses[name].address:find(":", 1, true) ~= nil) == six then return name end
      same = same or name
    end
  end
  if not same then self.elsewhere[transport] = (self.elsewhere[transport] or 0) + 1 end
  return same or self.bench.transports[1]
end

-- Waits for the time of something in the capture.
function player:await(time)
  local speed = self.options.speed
  if speed == 0 or self.stopped then return end
  local left = self.began + (time - self.score.began) / 1e9 / speed - clock.monotonic()
  if left > 0 then self.halt:wait(left) else self.late = math.max(self.late, -left) end
end

-- A voice for a flow from a step on, nil when there is no socket for it.
function player:open(flow, step)
  local voice, problem = voice_of.open(self.bench, self:way(flow))
  if not voice then
    problem = "it was not sent: " .. problem
    while step do
      if step.kind == "request" then
        self:told(flow, step, nil, step.octets, problem)
      else
        self.parcels:leave(step, problem)
      end
      step = step.next and self.score:step(step.next)
    end
    return nil
  end
  self.voices[voice] = flow
  parcels.prepare(voice)
  return voice
end

function player:forget(voice)
  self.voices[voice] = nil
  voice:close()
end

-- One request is done with.
function player:told(flow, step, outcome, octets, failure)
  if self.stopped then return end
  self.done = self.done + 1
  self.tally:add(flow, step, step.expected, outcome, octets, failure)
  if self.heard then self.heard(flow, step, outcome, octets) end
  if outcome then
    self.silent = 0
  elseif step.expected and self.options.wait then
    self.silent = self.silent + 1
    if self.silent >= SILENT then
      self:stop(("it has not answered %d requests in a row, the last of frame %d (%s)")
        :format(SILENT, step.frame, step.name))
    end
  end
end

-- What is sent for a step, and who it speaks for. nil, text when it cannot be made.
function player:made(voice, step)
  if self.options.verbatim then return step.octets end
  return rewrite.request(self, voice, step)
end

-- The length that the algorithm of a key prescribes for the nonce of a token.
function player:nonce_length(key)
  self.nonce_lengths[key] = self.nonce_lengths[key] or assert(token.algorithm(key.algorithm)).nonce_length
  return self.nonce_lengths[key]
end

-- Sends a step and waits for its answer: the message or nil, what was sent, why there is none.
function player:ask(voice, step)
  local octets, holder = self:made(voice, step)
  if not octets then return nil, step.octets, "it was not sent: " .. holder end
  self.sent = self.sent + 1
  self.flying[step] = self.sent
  local answer = voice.client:transact(octets, { method = step.name })
  if not self.stopped then self.flying[step] = nil end
  if answer.message then voice:learn(answer.message, holder) end
  return answer.message, octets, answer.failure
end

local function code_of(message)
  local code = message and message:class() == "error" and message:get "ERROR-CODE"
  return type(code) == "table" and code.code or nil
end

-- One step, and once more with the new nonce where the captured client was not told to: what counts is then the retry.
function player:play_step(flow, voice, step)
  if self.parcels then
    self:wait_for_data(voice, step.came, PATIENCE)
    self.parcels:asked(voice, step)
  end
  local message, octets, failure = self:ask(voice, step)
  local stale = step.expected and step.expected.code == STALE
  if not self.options.verbatim and not stale and code_of(message) == STALE then
    message, octets, failure = self:ask(voice, step)
  end
  local outcome = message and extract.outcome(message:bytes()) or nil
  if self.parcels then self.parcels:answered(voice, step, outcome) end
  self:told(flow, step, outcome, octets, failure)
end

-- Waits until as many data have come to a voice as had come to the captured client, so that they are not cut off by
-- what the client did next. A voice that waited in vain waits no more: its peers do not answer.
function player:wait_for_data(voice, count, seconds)
  local deadline = clock.monotonic() + seconds
  while not self.stopped and not voice.deaf and voice.carried and voice.came < count do
    local left = deadline - clock.monotonic()
    if left <= 0 then voice.deaf = true else voice.more:wait(left) end
  end
end

function player:play_data(voice, step)
  self.turn = self.turn + 1
  if self.turn % TURN == 0 then net.sleep(0) end
  if not self.stopped then self.parcels:send(voice, step) end
end

-- Waits for the steps whose answers the captured client had before that time.
local function settle(open, time)
  for i = #open, 1, -1 do
    local earlier = open[i]
    if not time or earlier.answered and earlier.answered <= time or not earlier.task:alive() then
      local ok, failure = earlier.task:join()
      if not ok then error(failure, 0) end
      table.remove(open, i)
    end
  end
end

function player:play_flow(flow)
  local step = self.score:step(flow.first)
  local voice = self:open(flow, step)
  if not voice then return end
  if self.parcels then
    voice.client.endpoint:tap(function(_, octets) self.parcels:take(voice, octets) end, "received")
  end
  voice.client.endpoint:keep(false)
  local open = {}
  while step do
    local next_step = step.next and self.score:step(step.next) or nil
    self:await(step.time)
    settle(open, step.time)
    if self.stopped then break end
    if step.kind ~= "request" then
      self:play_data(voice, step)
    elseif next_step and not (step.answered and step.answered <= next_step.time) then
      local this = step
      open[#open + 1] = { answered = step.answered, task = net.spawn(function() self:play_step(flow, voice, this) end) }
    else
      self:play_step(flow, voice, step)
    end
    step = next_step
  end
  settle(open)
  self:wait_for_data(voice, flow.came, PATIENCE)
  if self.stopped then return end
  if not voice:put_down() then self.left = self.left + 1 end
  self:forget(voice)
end

-- Nothing more is sent than what puts the allocations down.
function player:stop(why)
  if self.stopped or self.finished then return end
  self.stopped = why
  for voice in pairs(self.voices) do voice:drop() end
  self.voices = {}
  self.halt:notify()
  self.changed:notify()
end

-- The requests that had been sent and had no answer when it was stopped, the latest first, as text.
function player:last_words()
  local list = {}
  for step, place in pairs(self.flying) do list[#list + 1] = { place = place, step = step } end
  table.sort(list, function(a, b) return a.place > b.place end)
  for i, one in ipairs(list) do list[i] = i <= 3 and ("frame %d (%s)"):format(one.step.frame, one.step.name) or nil end
  return #list > 0 and "unanswered then: " .. table.concat(list, ", ") or "every request had been answered then"
end

function player:play_waiting()
  local failure
  local at = self.score.first_flow
  while at do
    local flow, following = self.score:flow(at)
    at = following
    self:await(flow.began)
    if self.options.speed > 0 and self.playing >= self.room then self.crowded = self.crowded + 1 end
    while self.playing >= self.room and not self.stopped do self.changed:wait() end
    if self.stopped or failure then break end
    self.playing = self.playing + 1
    net.spawn(function()
      local ok, problem = pcall(self.play_flow, self, flow)
      if not ok and not self.stopped then failure = failure or problem end
      self.playing = self.playing - 1
      self.changed:notify()
    end)
  end
  while self.playing > 0 do self.changed:wait() end
  if failure then error(failure, 0) end
end

-- Plays the whole score, or as far as it comes. Returns the tally of what came of it (compare.lua).
function player:play()
  local before = system.usage()
  self.began = clock.monotonic()
  if self.options.wait then
    self:play_waiting()
  else
    require("support.replay.pour").play(self)
  end
  self.finished = true
  local after = system.usage()
  self.tally.seconds = (self.poured or clock.monotonic()) - self.began
  self.tally.processor = after.user + after.system - before.user - before.system
  return self.tally
end

-- What else the report says.
function player:notes()
  local notes = {}
  local function add(...) notes[#notes + 1] = string.format(...) end
  for transport, count in pairs(self.elsewhere) do
    add("%d flow%s of %s in the capture went over %s: the target offers no %s", count, count == 1 and "" or "s",
      transport, self.bench.transports[1], transport)
  end
  table.sort(notes)
  if self.crowded > 0 then
    add(self.options.wait and "%d flows had to wait until another had ended: at most %d at once"
      or "%d flows changed their socket on the way: at most %d at once", self.crowded, self.room)
  end
  if self.parcels then
    for _, note in ipairs(self.parcels:notes()) do notes[#notes + 1] = note end
  end
  if self.late > LATE then add("requests left up to %.1f s later than captured", self.late) end
  if self.left > 0 then add("%d allocations were not put down; they end by themselves", self.left) end
  if self.done < self.score.requests then
    add("%d requests were not played: %s", self.score.requests - self.done, self.stopped or "they came to no end")
  end
  return notes
end

return player
