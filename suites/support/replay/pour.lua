-- SPDX-License-Identifier: BSD-3-Clause
--
-- Plays a score without waiting for answers: every step of the capture leaves in its order and at its time, and what
-- comes back is taken as it comes. For load, and for measuring.

local clock = require "clock"
local extract = require "support.replay.extract"
local net = require "net"
local stun = require "stun"

local pour = {}

local TURN <const> = 32 -- requests until answers are let in
local KEPT <const> = 512 -- flows that are over and may still be answered
local FLYING <const> = 8192 -- requests whose answers are looked for at a time: of all flows, the latest
local LAST_WAIT, LOOK <const> = 1, 0.02 -- seconds for the last answers; between looks for them
local GARBAGE <const>, HASTE <const> = 200, 1000 -- per cent: how far memory may grow until it is cleaned up, how fast
local UNAWAITED <const> = "no answer was waited for"

-- A voice with a record of what it asked: waiting[transaction] = step.
local function open(player, flow, first)
  local voice = player:open(flow, first)
  if not voice then return nil end
  local waiting = {}
  voice.waiting, voice.flow, voice.song = waiting, flow, { waiting = waiting, flow = flow }
  voice.client.endpoint:keep(false)
  voice.client.endpoint:tap(function(_, octets)
    local id = octets:sub(9, 20)
    local step = waiting[id]
    if not step and player.parcels then player.parcels:take(voice, octets) end
    local message = step and stun.parse(octets)
    if not message then return end
    waiting[id] = nil
    voice:learn(message, step.holder)
    local outcome = extract.outcome(octets)
    if player.parcels then player.parcels:answered(voice, step, outcome) end
    player:told(flow, step, outcome, step.sent)
  end, "received")
  return voice
end

local function finish(player, voice)
  local waiting = voice.waiting
  for id, step in pairs(waiting) do
    player:told(voice.flow, step, nil, step.sent, UNAWAITED)
    waiting[id] = nil
  end
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
    if next(voice.waiting) or voice.carried and voice.came < voice.flow.came then return true end
  end
  return false
end

-- Gives the last answers their time, which is none of the replay's.
local function hear_out(player, choir)
  player.poured = clock.monotonic()
  local deadline = player.poured + LAST_WAIT
  while not player.stopped and clock.monotonic() < deadline and any_waiting(choir) do player.halt:wait(LOOK) end
end

-- Voices by the place of their flow, the first that were opened first; mute: flows that got no socket, until their end.
local function new_choir() return { by_flow = {}, mute = {}, queue = {}, first = 1, last = 0, count = 0 } end

local function join(choir, voice)
  choir.last = choir.last + 1
  choir.queue[choir.last], choir.by_flow[voice.flow.at], choir.count = voice, voice, choir.count + 1
  voice.place = choir.last
end

local function leave(player, choir, voice)
  if choir.by_flow[voice.flow.at] ~= voice then return end
  choir.by_flow[voice.flow.at], choir.queue[voice.place], choir.count = nil, nil, choir.count - 1
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

-- Requests in the order in which they were sent: the transaction of each, and the song it is of, which is what is
-- needed of a voice that may be gone.
local function new_flight() return { ids = {}, songs = {}, first = 1, last = 0 } end

-- A request waits for its answer from now on, and the oldest one no more where there are too many.
local function await(player, flight, voice, id, step)
  local before = voice.waiting[id] -- of the same transaction, sent octet for octet
  if before then player:told(voice.flow, before, nil, before.sent, UNAWAITED) end
  voice.waiting[id], flight.last = step, flight.last + 1
  flight.ids[flight.last], flight.songs[flight.last] = id, voice.song
  if flight.last - flight.first < FLYING then return end
  local oldest, song = flight.ids[flight.first], flight.songs[flight.first]
  flight.ids[flight.first], flight.songs[flight.first], flight.first = nil, nil, flight.first + 1
  local late = song.waiting[oldest]
  if late then
    song.waiting[oldest] = nil
    player:told(song.flow, late, nil, late.sent, UNAWAITED)
  end
end

local function send(player, flight, voice, step)
  if step.kind ~= "request" then
    player.parcels:send(voice, step)
    return
  end
  local octets, holder = player:made(voice, step)
  local problem = holder
  if octets then
    player.bench.limits:take()
    if player.stopped then return end
    player.sent = player.sent + 1
    if player.parcels then player.parcels:asked(voice, step) end
    local sent
    sent, problem = voice.client.endpoint:send(octets)
    if sent then
      step.sent, step.holder = octets, holder
      await(player, flight, voice, octets:sub(9, 20), step)
      return
    end
  end
  player:told(voice.flow, step, nil, octets or step.octets, "it was not sent: " .. problem)
end

-- The voice of a flow that has a step to sing, nil when there is no socket for it.
local function voice_for(player, choir, over, step)
  local voice = choir.by_flow[step.flow]
  if voice or choir.mute[step.flow] then return voice end
  thin(player, choir, over.last - over.first >= KEPT and math.min(choir.count, player.room) or player.room, over)
  voice = open(player, player.score:flow(step.flow), step)
  if voice then join(choir, voice) else choir.mute[step.flow] = true end
  return voice
end

function pour.play(player)
  collectgarbage("incremental", GARBAGE, HASTE)
  local score, choir, flight, over, turn = player.score, new_choir(), new_flight(), { first = 1, last = 0 }, 0
  local at = score.first_step
  while at do
    turn = turn + 1
    if turn >= TURN then
      turn = 0
      net.sleep(0)
    end
    local step, following = score:step(at)
    at = following
    player:await(step.time)
    if player.stopped then break end
    local voice = voice_for(player, choir, over, step)
    if voice then send(player, flight, voice, step) end
    if not step.next then
      choir.mute[step.flow] = nil
      if voice then
        over.last = over.last + 1
        over[over.last] = voice
      end
    end
  end
  hear_out(player, choir)
  for _, voice in pairs(choir.by_flow) do
    for _, step in pairs(player.stopped and voice.waiting or {}) do player.flying[step] = step.at end
    finish(player, voice)
  end
  if player.stopped then return end
  while player.playing > 0 and not player.stopped do player.changed:wait() end
end

return pour
