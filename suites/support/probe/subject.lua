-- SPDX-License-Identifier: BSD-3-Clause
--
-- The server that is probed, as the questions see it: one request at a time, each on a fresh 5-tuple, asked again where
-- a loss or a busy server left it open, and its allocation put down before the next. It counts, and stops at a bound.

local client = require "support.client"
local clock = require "clock"
local minting = require "support.minting"
local net = require "net"
local preflight = require "support.preflight"

local subject = {}
subject.__index = subject

local TRIES <const> = 3
local MOST_ALLOCATIONS <const> = 150 -- made in one probing

-- bench: support/bench.lua; record: support/record.lua
function subject.new(bench, record)
  return setmetatable({ bench = bench, record = record, clients = {}, made = 0, left = 0 }, subject)
end

-- A client on a 5-tuple of its own; nil, text when there is none.
function subject:open(transport, seconds)
  local one, problem = client.open(self.bench, self.record, transport or self.transport, seconds)
  if one then self.clients[one] = true end
  return one, problem
end

function subject:close(one)
  one:close()
  self.clients[one] = nil
end

-- Deletes the allocation of a client: with the token it was made with, without one, or with a new one where that has
-- ended meanwhile. spec: how it was made.
function subject:put_down(one, spec)
  local attempts = { { token = one.token or false, integrity_key = spec.integrity_key }, { token = false } }
  if one.token then attempts[3] = { token = { kid = one.token.kid } } end
  for _, attempt in ipairs(one.user and { { token = false } } or attempts) do
    if not one.allocated then return end
    attempt.lifetime, attempt.user, attempt.step = 0, one.user, "putting down the allocation"
    attempt.integrity = spec.integrity
    local answer = one:request("Refresh", attempt)
    if answer and answer:code() == 437 then one.allocated = false end
  end
  if one.allocated then self.left = self.left + 1 end
end

-- What the credentials of a description are made of now, when the challenge is there; with spec.whole_second at a
-- moment at which the timestamp of its token is a whole second.
local function prepared(self, spec)
  local ready = {}
  for field, value in pairs(spec) do ready[field] = value end
  if spec.whole_second then net.sleep(-(clock.now() + self.bench.clock_offset - (spec.token.age or 0)) % 1) end
  if type(ready.token) == "table" then ready.token = minting.mint(self.bench, ready.token) end
  return ready
end

-- One request on a fresh 5-tuple. Returns what came of it:
--   ok        true: success; false: refused; nil: undecided
--   got       what came, in words
--   code      of an error response
--   answer    the reply (support/reply.lua), where there is one
--   elapsed   seconds at most between the minting of its token and the judging of it
local function once(self, method, spec, transport)
  local one, problem = self:open(transport)
  if not one then return { got = problem } end
  one.spec = spec
  local challenged
  challenged, problem = one:begin()
  if not challenged then
    self:close(one)
    return { got = problem }
  end
  local ready, minted = prepared(self, spec), clock.now()
  one.trying = method == "Allocate" and ready.token or nil
  local answer
  answer, problem = one:request(method, ready)
  one.trying = nil
  if not answer then
    self:close(one)
    return { got = problem }
  end
  local success = answer:is_success()
  local outcome = {
    answer = answer, code = answer:code(), got = success.unclear or success.got, elapsed = clock.now() - minted,
    address = one.endpoint:address(),
  }
  if success.ok then
    outcome.ok = true
  elseif outcome.code and not success.unclear then
    outcome.ok = false
  end
  self.full = self.full or one.no_room == 486 -- 508 is an answer to some wishes too
  if one.allocated then
    self.made = self.made + 1
    self:put_down(one, spec)
  end
  self:close(one)
  return outcome
end

-- A request, asked again while nothing can be told from what came. After three times in vain the target is asked
-- whether it still answers at all; if not, it is asked nothing more.
function subject:ask(method, spec, transport)
  local outcome
  for _ = 1, TRIES do
    if self.lost then return { got = self.lost } end
    if self.made >= MOST_ALLOCATIONS then
      return { got = ("the probe has made %d allocations, and makes no more"):format(self.made) }
    end
    outcome = once(self, method, spec, transport)
    if outcome.ok ~= nil then return outcome end
  end
  if not preflight.answers(self.bench, self.record, self.transport) then
    self.lost = "the server has stopped answering: " .. outcome.got
  end
  return outcome
end

function subject:allocate(spec, transport) return self:ask("Allocate", spec, transport) end

-- A description with credentials that the server takes, and with `more`; nil where none are known.
function subject:credited(more)
  if not self.good then return nil end
  local spec = {}
  for field, value in pairs(more or {}) do spec[field] = value end
  if self.good.user then
    spec.user = self.good.user
  else
    spec.token = { kid = self.good.kid, lifetime = spec.token_lifetime }
    spec.token_lifetime = nil
  end
  return spec
end

-- After an interruption: whatever may be allocated is put down, also where the answer that says so was not waited for.
function subject:abandon()
  for one in pairs(self.clients) do
    if one.trying and not one.allocated then
      local token = one.trying
      one.allocated, one.token, one.username = true, token, token.kid
      one.session_key = self.bench:integrity_key(token.mac_key)
    end
    if one.allocated then self:put_down(one, one.spec or {}) end
    one:close()
  end
end

return subject
