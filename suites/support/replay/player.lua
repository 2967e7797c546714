-- SPDX-License-Identifier: BSD-3-Clause
--
-- Plays the score of a capture (extract.lua) to one live server: each flow on a socket of its own, its requests in their
-- order and at their times, flows that ran beside each other beside each other. A request that the captured client sent
-- after it had an answer waits for that answer here too; with `wait` off nothing waits.

local bytes = require "bytes"
local client = require "support.client"
local clock = require "clock"
local compare = require "support.replay.compare"
local extract = require "support.replay.extract"
local net = require "net"
local rewrite = require "support.replay.rewrite"
local stun = require "stun"
local transports = require "support.transports"

local player = {}
player.__index = player

local FLOWS <const> = 256 -- sockets at once, when it goes as fast as possible
local unrecorded = { watch = function() end }

-- bench: of the target; options: speed (1: as captured, 0: as fast as possible), verbatim, wait; names: the server names
-- that the capture's tokens may be sealed with.
function player.new(bench, options, names)
  local users = {}
  for _, user in ipairs(bench.profile.users) do users[user.name] = user.password end
  return setmetatable({
    bench = bench, options = options, names = names, users = users, tokens = {}, token_count = 0, changes = {},
    tally = compare.new(), sent = 0,
    playing = 0, changed = net.condition(),
  }, player)
end

-- The transport of the target that stands for one of the capture: the same, else its first.
function player:way(transport)
  for _, name in ipairs(self.bench.transports) do
    if transports.protocol(name) == transport then return name end
  end
  return self.bench.transports[1]
end

-- When a step is due, in seconds of clock.monotonic.
function player:due(time)
  local speed = self.options.speed
  return speed == 0 and 0 or self.began + (time - self.score.began) / 1e9 / speed
end

local function sleep_until(due)
  local left = due - clock.monotonic()
  if left > 0 then net.sleep(left) end
end

-- Sends a step and waits for its answer: the octets or nil, and what was sent.
function player:ask(voice, step)
  local octets, token = step.octets, nil
  if not self.options.verbatim then
    octets, token = rewrite.request(self, voice, step)
    if not octets then return nil, step.octets end
  end
  self.sent = self.sent + 1
  local answer = voice.client:transact(octets, { method = step.name })
  if answer.message then self:learn(voice, answer.message, token, step) end
  return answer.message, octets, answer.failure
end

-- What an answer changes for the requests that follow it.
function player:learn(voice, message, token, step)
  voice.realm = message:raw "REALM" or voice.realm
  voice.nonce = message:raw "NONCE" or voice.nonce
  if message:class() ~= "success" then return end
  local method = message:method()
  if method == "Allocate" or method == "Refresh" then
    voice.token = token or voice.token
    voice.allocated = message:get "LIFETIME" ~= 0
    voice.last = method == "Allocate" and step or voice.last
  end
end

-- One step, and once more with the new nonce where the captured client was not told to: what counts is then the retry.
function player:play_step(flow, voice, step)
  local message, octets, failure = self:ask(voice, step)
  local expected = step.answer and extract.outcome(step.answer) or nil
  local stale = message and message:class() == "error" and message:get "ERROR-CODE"
  if not self.options.verbatim and type(stale) == "table" and stale.code == 438 and not (expected and expected.code == 438) then
    message, octets, failure = self:ask(voice, step)
  end
  self.tally:add(flow, step, expected, message and extract.outcome(message:bytes()), octets, failure)
end

-- An allocation that the captured client left to its end is not left at the live server.
function player:put_down(voice)
  if not voice.allocated or self.options.verbatim then return end
  local token = voice.token
  local key = token and self.bench:integrity_key(token.mac_key)
  if not key then return end
  local octets = assert(stun.build {
    class = "request", method = "Refresh", transaction = bytes.random(12), attributes = {
      { "LIFETIME", 0 }, { "USERNAME", token.kid }, { "REALM", voice.realm or "" }, { "NONCE", voice.nonce or "" },
      { "ACCESS-TOKEN", token.octets }, { "MESSAGE-INTEGRITY", key = key },
    },
  })
  voice.client:transact(octets, { method = "Refresh" })
end

function player:play_flow(flow)
  local opened, problem = client.open(self.bench, unrecorded, self:way(flow.transport))
  if not opened then
    for _, step in ipairs(flow.steps) do self.tally:unsent(flow, step, problem) end
    return
  end
  local voice, open = { client = opened }, {}
  for _, step in ipairs(flow.steps) do
    sleep_until(self:due(step.time))
    for i = #open, 1, -1 do
      local earlier = open[i]
      if earlier.step.answered and earlier.step.answered <= step.time or not earlier.task:alive() then
        earlier.task:join()
        table.remove(open, i)
      end
    end
    open[#open + 1] = { step = step, task = net.spawn(function() self:play_step(flow, voice, step) end) }
  end
  for _, earlier in ipairs(open) do earlier.task:join() end
  self:put_down(voice)
  opened:close()
end

-- Plays without waiting: every request leaves at its time, answers are taken as they come.
function player:pour_flow(flow)
  local opened, problem = client.open(self.bench, unrecorded, self:way(flow.transport))
  if not opened then
    for _, step in ipairs(flow.steps) do self.tally:unsent(flow, step, problem) end
    return nil
  end
  local voice, waiting = { client = opened }, {}
  opened.endpoint:tap(function(direction, octets)
    local step = direction == "received" and waiting[octets:sub(9, 20)]
    local message = step and stun.parse(octets)
    if not message then return end
    waiting[octets:sub(9, 20)] = nil
    self:learn(voice, message, step.token, step.step)
    local expected = step.step.answer and extract.outcome(step.step.answer) or nil
    self.tally:add(flow, step.step, expected, extract.outcome(octets), step.octets)
  end)
  for _, step in ipairs(flow.steps) do
    sleep_until(self:due(step.time))
    local octets, token = step.octets, nil
    if not self.options.verbatim then octets, token = rewrite.request(self, voice, step) end
    if octets and opened.endpoint:send(octets, opened.remote) then
      self.sent = self.sent + 1
      waiting[octets:sub(9, 20)] = { step = step, token = token, octets = octets }
    end
  end
  return { opened = opened, waiting = waiting, flow = flow }
end

local function finish_poured(self, poured)
  if not poured then return end
  for _, left in pairs(poured.waiting) do
    self.tally:add(poured.flow, left.step, left.step.answer and extract.outcome(left.step.answer) or nil, nil,
      left.octets, "no answer was waited for")
  end
  poured.opened:close()
end

function player:pour()
  local open, first = {}, 1
  for i, flow in ipairs(self.score.flows) do
    sleep_until(self:due(flow.began))
    open[i] = self:pour_flow(flow)
    if i - first >= FLOWS then
      net.sleep(0) -- lets the answers in
      finish_poured(self, open[first])
      open[first], first = nil, first + 1
    end
  end
  net.sleep(self.sent > 0 and 0.5 or 0)
  for i = first, #self.score.flows do finish_poured(self, open[i]) end
end

-- Plays the whole score. Returns the tally of what came of it (compare.lua).
function player:play(score)
  self.score, self.began = score, clock.monotonic()
  local started = clock.monotonic()
  if not self.options.wait then
    self:pour()
  else
    local tasks = {}
    for _, flow in ipairs(score.flows) do
      sleep_until(self:due(flow.began))
      while self.playing >= FLOWS do self.changed:wait() end
      self.playing = self.playing + 1
      tasks[#tasks + 1] = net.spawn(function()
        local ok, failure = pcall(self.play_flow, self, flow)
        self.playing = self.playing - 1
        self.changed:notify()
        if not ok then error(failure, 0) end
      end)
    end
    for _, task in ipairs(tasks) do
      local ok, failure = task:join()
      if not ok then error(failure, 0) end
    end
  end
  self.tally.seconds, self.tally.sent = clock.monotonic() - started, self.sent
  return self.tally
end

return player
