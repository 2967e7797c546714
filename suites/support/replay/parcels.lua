-- SPDX-License-Identifier: BSD-3-Clause
--
-- What the clients of a capture wanted relayed, Send indications and ChannelData, in a replay: sent over the channels
-- and permissions that the replay itself has, else left out with the reason; and what comes back. A live server relays
-- it to the peers that the capture names.

local bytes = require "bytes"
local net = require "net"
local stun = require "stun"
local transports = require "support.transports"

local parcels = {}
parcels.__index = parcels

local REASONS <const> = 20 -- that are told apart
local DATA_TYPE <const> = "\x00\x17"
local HEADER <const> = 4 -- octets, of ChannelData

local kinds = { { "send", "Send indications" }, { "channel", "ChannelData" } }
local needs = { send = "CreatePermission", channel = "ChannelBind" }

-- What stands in place of a verdict on a channel or a permission until there is an answer.
local GRANTED <const>, EXPECTED <const> = true, "expected"

function parcels.new(player)
  return setmetatable({
    player = player, sent = { send = 0, channel = 0 }, came = { send = 0, channel = 0 },
    reasons = {}, by_reason = { send = {}, channel = {} },
  }, parcels)
end

function parcels:leave(step, reason)
  local known = self.by_reason[step.kind]
  if not known[reason] and #self.reasons >= REASONS then reason = "for other reasons" end
  if not known[reason] then
    known[reason] = { kind = step.kind, text = reason, count = 0 }
    self.reasons[#self.reasons + 1] = known[reason]
  end
  known[reason].count = known[reason].count + 1
end

-- What a request asks for that data need: keys of channels and permissions. A channel permits its peer too (RFC 8656
-- 12.2).
local function asked_for(step)
  local method = step.name:match "^%w+"
  if method ~= "ChannelBind" and method ~= "CreatePermission" then return {} end
  local message = stun.parse(step.octets)
  if not message then return {} end
  local keys = {}
  for nth = 1, message:count "XOR-PEER-ADDRESS" do
    local peer = message:get("XOR-PEER-ADDRESS", nth)
    if peer then keys[#keys + 1] = peer.address end
  end
  local channel = method == "ChannelBind" and message:raw "CHANNEL-NUMBER"
  if channel then keys[#keys + 1] = channel:sub(1, 2) end
  return keys
end

-- A request is about to be sent: where the captured one had success, so may this one.
function parcels:asked(voice, step)
  for _, key in ipairs(asked_for(step)) do
    voice.grants = voice.grants or {}
    if voice.grants[key] ~= GRANTED then
      local succeeded = step.expected and step.expected.class == "success"
      voice.grants[key] = succeeded and EXPECTED or "had no success in the capture"
    end
  end
end

-- It was answered (nil: not at all). What was granted before stays so: it has its time to run.
function parcels:answered(voice, step, outcome)
  if step.name:find "^Refresh" and outcome and outcome.class == "success" and not voice.allocated then
    voice.grants = nil
    return
  end
  for _, key in ipairs(asked_for(step)) do
    voice.grants = voice.grants or {}
    if outcome and outcome.class == "success" then
      voice.grants[key] = GRANTED
    elseif voice.grants[key] ~= GRANTED then
      voice.grants[key] = outcome and ("was answered with error %s"):format(outcome.code or "without a code")
        or "was not answered"
    end
  end
end

-- Why a step is not to be sent; nil when it may be.
local function refusal(voice, step)
  local key = step.octets:sub(1, 2)
  if step.kind == "send" then
    local message = stun.parse(step.octets)
    local peer = message and message:get "XOR-PEER-ADDRESS"
    if not peer then return "it names no peer" end
    key = peer.address
  end
  local grant = voice.grants and voice.grants[key]
  if grant == GRANTED or grant == EXPECTED then return nil end
  local need = needs[step.kind]
  return grant and ("its %s %s"):format(need, grant) or ("no %s for it came before"):format(need)
end

-- The octets of a step as the transport of a voice carries them. nil, text.
local function wrapped(player, voice, step)
  if step.kind == "send" then
    if player.options.verbatim then return step.octets end
    return stun.rewrite(step.octets, bytes.random(12), voice.holder and voice.holder.key or "", {})
  end
  if transports.is_datagram(voice.client.way) then return step.octets end
  local content = step.octets:sub(1, HEADER + (">I2"):unpack(step.octets, 3))
  return content .. ("\0"):rep(-#content % 4) -- on a stream it is padded (RFC 8656 12.5)
end

function parcels:send(voice, step)
  local player = self.player
  local problem = refusal(voice, step)
  if problem then return self:leave(step, problem) end
  local octets, sent
  octets, problem = wrapped(player, voice, step)
  if octets then
    player.bench.limits:take()
    if player.stopped then return end
    voice.carried = true
    sent, problem = voice.client.endpoint:send(octets)
  end
  if not sent then return self:leave(step, "it was not sent: " .. problem) end
  self.sent[step.kind] = self.sent[step.kind] + 1
end

-- Something came that answers no request.
function parcels:take(voice, octets)
  local kind = octets:sub(1, 2) == DATA_TYPE and "send" or #octets > 0 and octets:byte() >> 6 == 1 and "channel"
  if not kind then return end
  self.came[kind], voice.came = self.came[kind] + 1, voice.came + 1
  voice.more:notify()
end

-- What the voice of a flow keeps.
function parcels.prepare(voice) voice.came, voice.more = 0, net.condition() end

function parcels:notes()
  local score = self.player.score
  local notes = {
    ("%d Send indications and %d ChannelData were sent; %d Data indications and %d ChannelData came back (in the "
      .. "capture %d and %d)"):format(self.sent.send, self.sent.channel, self.came.send, self.came.channel,
      score.came.send, score.came.channel),
  }
  for _, kind in ipairs(kinds) do
    for _, reason in ipairs(self.reasons) do
      if reason.kind == kind[1] then
        notes[#notes + 1] = ("%d %s were left out: %s"):format(reason.count, kind[2], reason.text)
      end
    end
  end
  return notes
end

return parcels
