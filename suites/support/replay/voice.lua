-- SPDX-License-Identifier: BSD-3-Clause
--
-- One captured client at a live server: its socket, and what the answers have told it that the next requests need.

local bytes = require "bytes"
local client = require "support.client"
local record = require "support.record"
local stun = require "stun"

local voice = {}
voice.__index = voice

local STALE <const> = 438
local PORTS <const> = 16384 -- flows until their ports are used again

-- bench: of the target; way: the name of a transport. nil, text when no socket opens.
function voice.open(bench, way)
  bench.voices = (bench.voices or 0) + 1
  if bench.voices % PORTS == 0 then bench.used_ports = {} end -- there are no others
  local opened, problem = client.open(bench, record.none, way)
  if not opened then return nil, problem end
  return setmetatable({ client = opened }, voice)
end

-- What an answer changes for the requests that follow it. holder: who the request spoke for (rewrite.lua), nil for
-- nobody; verbatim: what it spoke with is not ours.
function voice:learn(message, holder)
  self.realm = message:raw "REALM" or self.realm
  self.nonce = message:raw "NONCE" or self.nonce
  if message:class() ~= "success" then return end
  local method = message:method()
  if method == "Allocate" then self.holder = holder or self.holder end
  if method == "Refresh" and holder and holder.token then self.holder = holder end
  if method == "Allocate" or method == "Refresh" then self.allocated = message:get "LIFETIME" ~= 0 end
end

local function deletion(self)
  local holder = self.holder
  local attributes = {
    { "LIFETIME", 0 }, { "USERNAME", holder.name }, { "REALM", self.realm or "" }, { "NONCE", self.nonce or "" },
  }
  if holder.token then attributes[#attributes + 1] = { "ACCESS-TOKEN", holder.token } end
  attributes[#attributes + 1] = { "MESSAGE-INTEGRITY", key = holder.key }
  return assert(stun.build {
    class = "request", method = "Refresh", transaction = bytes.random(12), attributes = attributes,
  })
end

-- An allocation that the captured client left to its end is not left at the live server. False when one is left.
function voice:put_down()
  if not self.allocated then return true end
  if not self.holder then return false end
  for _ = 1, 2 do
    local answer = self.client:transact(deletion(self), { method = "Refresh of LIFETIME 0" })
    if answer.message then self:learn(answer.message) end
    if not self.allocated or answer:code() == 437 then return true end
    if answer:code() ~= STALE then break end
  end
  return false
end

-- The same in haste: it is asked once, and no answer is waited for.
function voice:drop()
  if self.allocated and self.holder then self.client.endpoint:send(deletion(self), self.client.remote) end
  self.client:close()
end

function voice:close() self.client:close() end

return voice
