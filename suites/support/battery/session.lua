-- SPDX-License-Identifier: BSD-3-Clause
--
-- Where malformed messages are sent from: a 5-tuple with a challenge, and all that malformed.render asks of it.

local bytes = require "bytes"
local client = require "support.client"
local malformed = require "support.malformed"
local minting = require "support.minting"
local record_of = require "support.record"
local stun = require "stun"
local token = require "token"

local session = {}
session.__index = session

-- firing: whose it is (battery/firing.lua). It has no 5-tuple before it is renewed for the first time.
function session.new(firing)
  return setmetatable({ firing = firing }, session)
end

-- A 5-tuple without a challenge, for what needs none. nil, text when no socket opens. record: where its packets are
-- kept, nil: nowhere.
function session.bare(firing, record, seconds)
  local one, problem = client.open(firing.bench, record or record_of.none, firing.transport, seconds)
  if not one then return nil, problem end
  return setmetatable({ firing = firing, client = one, endpoint = one.endpoint }, session)
end

-- A fresh 5-tuple with a challenge. nil, text when the target does not answer. timing: how long it has for that.
function session.open(firing, record, timing)
  local bench = firing.bench
  if bench.dead then return nil, bench.dead end
  local self, problem = session.bare(firing, record, timing.total)
  if not self then return nil, problem end
  local one, mac_key = self.client, bytes.random(20)
  bench.custody.held = function() one:close() end -- a wait for an answer ends with the target
  local lives
  lives, problem = self:lives(timing)
  if not lives then
    one:close()
    return nil, problem
  end
  if not bench.profile.third_party then
    local user = bench.profile.users[1]
    self.username, self.key = user.name, stun.long_term_key(user.name, self.realm, user.password)
    return self
  end
  self.integrity_key = function(key) return bench:integrity_key(key) end
  self.mac_key_of = function(size) return mac_key:rep(size // 20 + 1):sub(1, size) end
  self.mint = function(fields, kid)
    fields.kid, fields.mac_key = kid, fields.mac_key or mac_key
    return minting.mint(bench, fields)
  end
  self.cut_block = function(size, kid)
    local minted, long_term = self.mint({}, kid), bench:key(kid or 1)
    local block = string.pack(">s2I8I4", minted.mac_key, token.timestamp(minted.issued), minted.lifetime)
    minted.octets = assert(token.seal {
      algorithm = minted.algorithm, key = long_term.octets, server_name = bench.server_name or "",
      plaintext = block:sub(1, size),
    })
    return minted
  end
  self.token = self.mint({})
  self.username, self.key = self.token.kid, bench:integrity_key(mac_key)
  return self
end

-- A schedule so many times as long.
local function stretched(timing, times)
  local total = timing.total * times
  return { rto = timing.rto * times, rc = timing.rc, rm = timing.rm, total = total, tcp_timeout = total }
end

-- The session again on a fresh 5-tuple. Up to so many attempts, each of which has twice as long as the one before: a
-- target that is only busy answers in the end. false, text when it does not.
function session:renew(attempts, record)
  local bench = self.firing.bench
  local another, problem = nil, bench.dead
  for i = 1, attempts do
    another, problem = session.open(self.firing, record, stretched(self.firing.timing, 1 << (i - 1)))
    if another or bench.dead then break end
  end
  if not another then return false, problem end
  if self.client then self.client:close() end
  for name in pairs(self) do self[name] = nil end -- it has neither allocation nor channel any more
  for name, value in pairs(another) do self[name] = value end
  return true
end

-- Whether the target answers a bare Allocate; its challenge is kept. false, text when it does not.
function session:lives(timing)
  local one = self.client
  one.step = "Allocate without credentials, to see whether the target lives"
  local octets, request = one:craft("Allocate", { credentials = false })
  local answer = one:transact(octets, request, timing)
  if not answer.message and not answer.malformed then return false, self.firing.bench.dead or answer.failure end
  self.firing:look_at(answer.message, answer.failure)
  if answer:code() == 401 then one:adopt(answer) end
  self.realm, self.nonce = one.realm or "", one.nonce or ""
  return true
end

-- What came back meanwhile is looked at: is each a well-formed STUN message? An allocation that was made is put down.
function session:drain()
  local endpoint, firing = self.endpoint, self.firing
  while endpoint:pending() > 0 do
    local octets = endpoint:receive(0)
    if not octets then break end
    local message, problem = stun.parse(octets)
    if message or not stun.parse_channel_data(octets) then
      firing:look_at(message, not message and ("%s (%s)"):format(problem, bytes.hex(octets:sub(1, 64))))
    end
    if message and message:class() == "success" then
      firing.successes = firing.successes + 1
      if message:method() == "Allocate" then self.allocated = true end
    end
  end
  if self.allocated and self.key then
    self.allocated = false
    local refresh = malformed.render({ base = "refresh", edits = { { "replace", "LIFETIME", "\0\0\0\0" } } }, self)
    if refresh then endpoint:send(refresh) end
  end
end

-- Gives it an allocation with a channel to the peer, where the target makes one.
function session:bind(peer)
  local one = self.client
  if self.bound or not self.key then return end
  self.bound = true
  local answer = one:request("Allocate", { token = self.token, step = "an allocation for a channel" })
  if answer and one.allocated then
    one:request("ChannelBind", { channel = 0x4000, peer = peer(one), step = "a channel" })
  end
end

function session:close()
  self.client:close()
end

return session
