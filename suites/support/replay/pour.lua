-- SPDX-License-Identifier: BSD-3-Clause
--
-- Plays a score without waiting for answers: every request of the capture leaves in its order and at its time, and what
-- comes back is taken as it comes. For load, and for measuring.

local clock = require "clock"
local extract = require "support.replay.extract"
local net = require "net"
local stun = require "stun"

local pour = {}

local TURN <const> = 32 -- requests until answers are let in
local KEPT <const> = 512 -- flows that are over and may still be answered
local LAST_WAIT, LOOK <const> = 1, 0.02 -- seconds for the last answers; between looks for them
local GARBAGE <const> = 250 -- per cent that memory may grow by until it is cleaned up: time is dearer here
local UNAWAITED <const> = "no answer was waited for"

-- A voice with a record of what it asked: waiting[transaction] = step.
local function open(player, flow, n)
  local voice = player:open(flow, n)
  if not voice then return nil end
  local waiting = {}
  voice.waiting, voice.flow = waiting, flow
  voice.client.endpoint:tap(function(direction, octets)
    if direction ~= "received" then return end
    local id = octets:sub(9, 20)
    local step = waiting[id]
    local message = step and stun.parse(octets)
    if not message then return end
    waiting[id] = nil
    voice:learn(message, step.holder)
    player:told(flow, step.n, step, extract.outcome(octets), step.sent)
  end)
  return voice
end

local function finish(player, voice)
  for _, step in pairs(voice.waiting) do
    player:told(voice.flow, step.n, step, nil, step.sent, UNAWAITED)
  end
  voice.waiting = {}
  if player.stopped then return end
  if voice.allocated and not player.options.verbatim then
    voice.client.endpoint:tap(nil)
    player.playing = player.playing + 1
    net.spawn(function()
      local ok, down = pcall(voice.put_down, voice)
      if not (ok and down) then player.left = player.left + 1 end
      if not player.stopped then player:forget(voice) end
      player.playing = player.playing - 1
      player.changed:notify()
    end)
  else
    if voice.allocated then player.left = player.left + 1 end
    player:forget(voice)
  end
end

local function any_waiting(choir)
  for _, voice in pairs(choir.by_flow) do
    if next(voice.waiting) then return true end
  end
  return false
end

-- Gives the last answers their time, which is none of the replay's.
local function hear_out(player, choir)
  player.poured = clock.monotonic()
  local deadline = player.poured + LAST_WAIT
  while not player.stopped and clock.monotonic() < deadline and any_waiting(choir) do player.halt:wait(LOOK) end
end

-- Voices by flow, the first that were opened first.
local function new_choir() return { by_flow = {}, queue = {}, first = 1, last = 0, count = 0 } end

local function join(choir, voice)
  choir.last = choir.last + 1
  choir.queue[choir.last], choir.by_flow[voice.flow], choir.count = voice, voice, choir.count + 1
  voice.place = choir.last
end

local function leave(player, choir, voice)
  if choir.by_flow[voice.flow] ~= voice then return end
  choir.by_flow[voice.flow], choir.queue[voice.place], choir.count = nil, nil, choir.count - 1
  finish(player, voice)
end

-- Makes room: voices that have sung all leave; where none has, the oldest does, and comes back on another socket.
local function thin(player, choir, most, over)
  while over.first <= over.last and choir.count >= most do
    local voice = over[over.first]
    over[over.first], over.first = nil, over.first + 1
    leave(player, choir, voice)
  end
  while choir.count >= most do
    local voice = choir.queue[choir.first]
    choir.first = choir.first + 1
    if voice then
      player.crowded = player.crowded + 1
      leave(player, choir, voice)
    end
  end
end

local function send(player, voice, n, step)
  local octets, holder = player:made(voice, step)
  local problem = holder
  if octets then
    player.bench.limits:take()
    if player.stopped then return end
    player.sent = player.sent + 1
    local sent
    sent, problem = voice.client.endpoint:send(octets)
    if sent then
      step.sent, step.holder, step.place = octets, holder, player.sent
      voice.waiting[octets:sub(9, 20)] = step
      return
    end
  end
  player:told(voice.flow, n, step, nil, octets or step.octets, "it was not sent: " .. problem)
end

function pour.play(player)
  collectgarbage("incremental", GARBAGE, 400)
  local score, choir, over, next_step, turn = player.score, new_choir(), { first = 1, last = 0 }, {}, 0
  for i = 1, score.requests do
    local place = score.order[i]
    local flow, n = score.flows[place], (next_step[place] or 0) + 1
    local count = score:count(flow)
    next_step[place] = n < count and n or nil
    turn = turn + 1
    if turn >= TURN then
      turn = 0
      net.sleep(0)
    end
    local step = score:step(flow, n)
    player:await(step.time)
    if player.stopped then break end
    local voice = choir.by_flow[flow]
    if not voice and not choir[flow] then
      thin(player, choir, over.last - over.first >= KEPT and math.min(choir.count, player.room) or player.room, over)
      voice = open(player, flow, n)
      if voice then join(choir, voice) elseif n < count then choir[flow] = true end
    end
    if voice then
      send(player, voice, n, step)
      if n == count then
        over.last = over.last + 1
        over[over.last] = voice
      end
    end
  end
  hear_out(player, choir)
  for _, voice in pairs(choir.by_flow) do
    for _, step in pairs(player.stopped and voice.waiting or {}) do player.flying[step] = step.place end
    finish(player, voice)
  end
  if player.stopped then return end
  while player.playing > 0 and not player.stopped do player.changed:wait() end
end

return pour
