-- SPDX-License-Identifier: BSD-3-Clause
--
-- One client of the target: one 5-tuple, with the challenge it was given, the token it holds and the allocation it has.
-- It crafts requests from a description, sends them by the rules of RFC 5389 7.2, and answers one unasked 438 with
-- the new nonce, so that a scenario sees only the answer it asked for.
--
-- A request is described by a table:
--
--     token = { … } | false     what token to mint (support/minting.lua), or none; an Allocate has one by default
--     user = { name, password } first-party credentials instead of a token
--     credentials = false       none of USERNAME, REALM, NONCE, integrity
--     username, realm, nonce    octets in place of the right ones
--     lifetime, protocol, peer, channel    LIFETIME, REQUESTED-TRANSPORT (false: left out), XOR-PEER-ADDRESS,
--                               CHANNEL-NUMBER
--     attributes = { {name, value}, … }    further attributes, before the integrity
--     integrity = name | list | false    "MESSAGE-INTEGRITY" (default), "MESSAGE-INTEGRITY-SHA256", both, or none
--     integrity_size            octets of MESSAGE-INTEGRITY-SHA256
--     integrity_key = function(token, client) → octets    in place of the form of the key found for the target
--     fingerprint = true        FINGERPRINT at the end
--     edits = { … }             deliberate breaks of the finished message (stun.build)
--     step = text               what the report and the capture call it

local bytes = require "bytes"
local clock = require "clock"
local fresh = require "support.fresh"
local minting = require "support.minting"
local reply = require "support.reply"
local stun = require "stun"
local transports = require "support.transports"

local client = {}
client.__index = client

local no_room = { [486] = true, [508] = true } -- RFC 5766 section 15: Allocation Quota Reached, Insufficient Capacity

local FLOOD <const> = 100 -- messages beside one request: fewer than a socket's buffer holds

-- Gives the client a new 5-tuple. true, or nil and text when no socket opens.
function client:connect()
  local bench = self.bench
  local seconds = self.patience or bench.retransmission.tcp_timeout
  local endpoint, problem = fresh.open(bench, self.transport, self.remote, seconds)
  if not endpoint then return nil, problem end
  if self.endpoint then self.endpoint:close() end
  self.endpoint, self.behind_error = endpoint, nil
  bench.sessions[self.way] = bench.sessions[self.way] or endpoint:session()
  self.record:watch(endpoint, self)
  return true
end

-- bench: support/bench.lua; record: where its packets are kept (support/record.lua); name: of a transport of the
-- profile; seconds: how long a connection may take, unless as long as a request. nil, text when no socket opens.
function client.open(bench, record, name, seconds)
  local self = setmetatable({
    bench = bench, record = record, way = name, transport = transports.protocol(name),
    remote = bench.addresses[name], step = "", patience = seconds,
  }, client)
  local ok, problem = self:connect()
  if not ok then return nil, problem end
  return self
end

function client:close()
  self.closed_at = self.closed_at or clock.now()
  self.endpoint:close()
end

local function method_attributes(method, spec)
  local list = {}
  if method == "Allocate" and spec.protocol ~= false then
    list[1] = { "REQUESTED-TRANSPORT", spec.protocol or 17 }
  end
  if spec.channel then list[#list + 1] = { "CHANNEL-NUMBER", spec.channel } end
  if spec.peer then list[#list + 1] = { "XOR-PEER-ADDRESS", spec.peer } end
  if spec.lifetime then list[#list + 1] = { "LIFETIME", spec.lifetime } end
  return list
end

local carries_token = { Allocate = true, Refresh = true }

-- Which token the request presents: the one described, else the client's own, else a new one.
local function token_for(self, method, spec)
  if spec.token == false or spec.user or spec.credentials == false then
    if type(spec.token) ~= "table" then return nil end
  end
  if type(spec.token) == "table" then return minting.mint(self.bench, spec.token) end
  if not carries_token[method] or not self.bench.profile.third_party then return nil end
  return self.token or minting.mint(self.bench, {})
end

local function of_user(self, user)
  return user.name, stun.long_term_key(user.name, self.realm or "", user.password), "the long-term key of " .. user.name
end

-- USERNAME and the HMAC key of the request, and what a report calls that key.
local function credentials_for(self, spec, token)
  if spec.user then return of_user(self, spec.user) end
  if token then return token.kid, self.bench:integrity_key(token.mac_key), "the mac_key of the token" end
  -- Who takes no tokens is asked with a password.
  local user = not self.username and not self.bench.profile.third_party and self.bench.profile.users[1]
  if user then return of_user(self, user) end
  return self.username, self.session_key, "the session key of the allocation"
end

-- The first algorithm of PASSWORD-ALGORITHMS with its parameters and without their padding, as PASSWORD-ALGORITHM has
-- it.
local function first_algorithm(offered)
  if #offered < 4 then return offered end
  local _, length = string.unpack(">I2I2", offered)
  return offered:sub(1, 4 + length)
end

-- The octets of a request and what is known of it. nil, and in `unmade` why, when they are more than a message holds,
-- as a target's REALM and NONCE may be.
function client:craft(method, spec)
  local token = token_for(self, method, spec)
  local username, key, key_name = credentials_for(self, spec, token)
  local right_key = key
  if spec.integrity_key then key = spec.integrity_key(token, self) end
  local attributes = method_attributes(method, spec)
  local function add(...) attributes[#attributes + 1] = { ... } end
  if spec.credentials ~= false then
    add("USERNAME", spec.username or username or "")
    add("REALM", spec.realm or self.realm or "")
    add("NONCE", spec.nonce or self.nonce or self.made_up or "")
  end
  -- RFC 8489 9.2.4: what was offered is repeated, with one of it chosen. The key of a token does not depend on it
  -- (AMB-50).
  if self.bench.echo_password_algorithms and self.password_algorithms and spec.credentials ~= false then
    add("PASSWORD-ALGORITHMS", self.password_algorithms)
    add("PASSWORD-ALGORITHM", first_algorithm(self.password_algorithms))
  end
  if token then add("ACCESS-TOKEN", token.octets) end
  for _, attribute in ipairs(spec.attributes or {}) do attributes[#attributes + 1] = attribute end
  local integrity = spec.integrity
  if integrity == nil then integrity = "MESSAGE-INTEGRITY" end
  if type(integrity) == "string" then integrity = { integrity } end
  if integrity and spec.credentials ~= false then
    for _, name in ipairs(integrity) do
      attributes[#attributes + 1] = { name, key = key or "", size = spec.integrity_size }
    end
  end
  if spec.fingerprint then add "FINGERPRINT" end
  local octets, problem = stun.build {
    class = "request", method = method, transaction = bytes.random(12), attributes = attributes,
    edits = spec.edits,
  }
  return octets, {
    unmade = problem and ("no request can be made with what the target gave for it: %s"):format(problem),
    method = method, spec = spec, token = token, key = key, key_name = key_name, username = username,
    known_keys = { key, right_key, token and token.mac_key, token and token.mac_key:sub(1, 16) },
    integrity_attribute = integrity and integrity[1] or nil,
    USERNAME = username, REALM = self.realm, NONCE = self.nonce or self.made_up,
  }
end

-- What a reply without an answer says: reason and info are those of the endpoint. wait: { timing =, known = what
-- support/silence.lua says of such requests, unasked = messages that came meanwhile without having been asked for }.
local function no_answer(self, reason, info, wait)
  -- A server that closes before it has read everything resets the connection: the same to us.
  local reset = tostring(reason):find "reset by peer" or tostring(reason):find "Broken pipe"
  local closed = reset ~= nil or reason == "closed"
  local fields = { info = info, closed = closed }
  if reason == "timeout" then
    local sends = info.sends or 1
    fields.silent = true
    fields.failure = ("no answer to %d transmission%s in %.1f s"):format(sends, sends == 1 and "" or "s",
      transports.is_datagram(self.way) and wait.timing.total or wait.timing.tcp_timeout)
    if wait.known then fields.failure, fields.remembered = ("%s; %s"):format(fields.failure, wait.known.why), true end
    if wait.unasked >= FLOOD then
      fields.failure = ("%s, among %d messages that were not asked for"):format(fields.failure, wait.unasked)
      fields.unclear = fields.failure .. ": the answer may be lost in them"
    end
  elseif closed and info.sends == 0 then
    fields.unsent = true
    fields.failure = "the connection had been closed before this request could be sent"
    fields.unclear = fields.failure
  elseif closed then
    fields.failure = "the connection was closed without an answer"
  else
    fields.failure = tostring(reason)
  end
  if info.icmp and #info.icmp > 0 then fields.failure = fields.failure .. "; ICMP: " .. info.icmp[1] end
  return fields
end

-- What a reply says of the octets that answered.
local function an_answer(octets, info)
  local message, problem, offset = stun.parse(octets)
  if message then return { info = info, message = message } end
  local failure = ("a response that is not a well-formed STUN message: %s%s"):format(problem,
    offset and (" at octet %d"):format(offset) or "")
  return { info = info, failure = failure, malformed = true }
end

-- Sends octets as a request and waits for the answer, or for the end of the schedule (timing: that of the bench). Where
-- the target is known to leave such requests unanswered (support/silence.lua) it is waited for shortly or not at all,
-- and the reply says so (remembered).
function client:transact(octets, request, timing)
  local bench = self.bench
  if not octets then return reply.new { client = self, request = request, info = {}, failure = request.unmade } end
  timing = timing or self.hurry
  local kind = bench.silence:kind(self, request)
  local known = kind and not timing and bench.silence:of(kind, self, request.spec.preparation)
  if known and known.spared then
    return reply.new {
      client = self, request = request, octets = octets, info = {}, failure = known.why, unclear = known.why,
      silent = true, remembered = true, kind = kind,
    }
  end
  local whole = not timing and not known -- which alone is seen as a silence
  timing = timing or known and bench.silence.short or bench.retransmission
  bench.limits:take()
  local unasked = self.record.unasked or 0 -- not every record counts them
  local began = clock.monotonic()
  local answer, info, more = self.endpoint:transact(octets,
    { rto = timing.rto, rc = timing.rc, rm = timing.rm, timeout = timing.tcp_timeout })
  if kind and answer then
    bench.silence:answered(kind)
  elseif kind and whole and info == "timeout" then
    bench.silence:unanswered(kind, began, self.record.id)
  end
  local fields = answer and an_answer(answer, info) or no_answer(self, info, more or {},
    { timing = timing, known = known, unasked = (self.record.unasked or 0) - unasked })
  fields.client, fields.request, fields.octets, fields.kind = self, request, octets, kind
  if fields.info.sends and fields.info.sends > 1 then bench.limits:charge(fields.info.sends - 1) end
  local new = reply.new(fields)
  if no_room[new:code()] then self.no_room = new:code() end
  if new.message then self.behind_error = new.message:class() == "error" end
  return new
end

-- Takes REALM, NONCE and the server name from a 401 or 438.
function client:adopt(answer)
  self.realm = answer:raw "REALM" or self.realm
  self.nonce = answer:raw "NONCE" or self.nonce
  self.server_name = answer:raw "THIRD-PARTY-AUTHORIZATION" or self.server_name
  self.password_algorithms = answer:raw "PASSWORD-ALGORITHMS" or self.password_algorithms
end

local function remember(self, answer)
  local request = answer.request
  if not answer.message or answer.message:class() ~= "success" then return end
  if request.method == "Allocate" then
    self.allocated = true
    self.username, self.session_key, self.token = request.username, request.key, request.token
    self.user, self.integrity = request.spec.user, request.spec.integrity
    self.bare = request.spec.credentials == false
    self.relayed = answer:get "XOR-RELAYED-ADDRESS"
  elseif request.method == "Refresh" then
    if request.spec.lifetime == 0 then
      self.allocated = false
    elseif request.token then
      self.username, self.session_key, self.token = request.username, request.key, request.token
    end
  end
end

-- Makes the bare request and keeps the challenge. nil, text when there was none to keep.
function client:challenge()
  self.step = "Allocate without credentials"
  local answer
  for _ = 1, 3 do
    answer = self:transact(self:craft("Allocate", { credentials = false, preparation = true }))
    -- An allocation that somebody had on this 5-tuple before us, and that the server has not forgotten.
    if answer:code() ~= 437 or self.allocated or not self:connect() then break end
  end
  if not self.allocated then remember(self, answer) end -- a server that wants no credentials makes an allocation of it
  if answer:code() ~= 401 then return nil, ("the challenge: %s"):format(answer:describe()), answer end
  self:adopt(answer)
  if not self.nonce or not self.realm then return nil, "the challenge: a 401 without REALM or NONCE", answer end
  return answer
end

-- The challenge, as far as there is one. Where its 401 has no NONCE the request goes with one that nobody gave out: who
-- has nonces answers with 438 and a right one, and who has none serves it. true, or nil and text.
function client:begin()
  if self.nonce or self.made_up then return true end
  local challenged, problem, answer = self:challenge()
  if challenged then return true end
  if answer:code() ~= 401 or not self.realm then return nil, problem end
  self.made_up = bytes.hex(bytes.random(16))
  return true
end

-- What is refused with a nonce that nobody gave out may be refused for it, unless the target was seen to serve such.
local function weigh_made_up_nonce(self, spec, answer)
  if self.nonce or not self.made_up or spec.nonce or spec.credentials == false then return end
  local served = answer.message and answer.message:class() == "success"
  if served then self.bench.serves_any_nonce = true end
  if served or self.bench.serves_any_nonce then return end
  answer.unclear = answer.unclear or ("%s, maybe for its NONCE: the 401 gave none, so it had one that nobody gave out")
    :format(answer:describe())
end

-- One request as described, with challenge and one 438 handled. Returns a reply (support/reply.lua); nil, text when
-- the challenge could not be had.
function client:request(method, spec)
  if spec.credentials ~= false then
    local ok, problem = self:begin()
    if not ok then return nil, problem end
  end
  local label = spec.step or method .. (spec.user and " with a password" or spec.credentials == false
    and " without credentials" or "")
  -- A transmission before the one that is answered may have been served and its answer lost (RFC 5389 7.3.1): in this
  -- exchange, in one before a 438, or in the last one if nothing came back at all.
  local what = method .. (spec.lifetime == 0 and " with LIFETIME 0" or "")
  local answer, repeated = nil, self.unheard == what
  for attempt = 1, 2 do
    self.step = attempt == 1 and label or label .. ", again with the nonce of the 438"
    answer = self:transact(self:craft(method, spec))
    -- A server may close a connection after what it answered last (RFC 5389 7.2.2 only recommends to keep it); only one
    -- that closes instead of answering this request, on a connection of its own, is taken at its word.
    if answer.closed and not self.allocated and spec.credentials ~= false and not spec.nonce and self:connect() then
      self.nonce = nil
      if self:begin() then answer = self:transact(self:craft(method, spec)) end
      -- That may have been closed behind its challenge, whose nonce may be good elsewhere.
      if answer.closed and self:connect() then answer = self:transact(self:craft(method, spec)) end
    elseif answer.closed and self.behind_error then
      answer.unclear = answer.unclear or ("%s, maybe for the error that it had answered before"):format(answer.failure)
    end
    repeated = repeated or (answer.info.sends or 0) > 1
    if answer:code() ~= 438 or spec.nonce or spec.credentials == false then break end
    self:adopt(answer)
    if attempt == 2 then answer.unclear = "a second 438, to the nonce that the first one gave" end
  end
  self.unheard = answer.silent and (answer.info.sends or 0) > 0 and what or nil
  if answer:code() == 437 and repeated and method == "Allocate" and not self.allocated then
    answer.unclear = "437 to a retransmitted Allocate, whose first answer may be lost"
  end
  if answer:code() == 437 and method == "Allocate" and not self.allocated and not self.bench.profile.launch then
    answer.unclear = answer.unclear
      or "437, which may be about an allocation that somebody had on this 5-tuple before us"
  end
  if answer:code() == 437 and repeated and method == "Refresh" and spec.lifetime == 0 then
    answer.deleted_before, self.allocated = true, false
  end
  weigh_made_up_nonce(self, spec, answer)
  remember(self, answer)
  return answer
end

-- A Refresh with LIFETIME 0 for the allocation that there is; its outcome is no one's business. Signed as what made it
-- was signed, which was accepted: another form of the key may not be.
function client:put_down()
  if not self.allocated then return end
  local spec = {
    lifetime = 0, step = "putting down the allocation", user = self.user, token = self.token or false,
    integrity = self.integrity, integrity_key = not self.user and function() return self.session_key end or nil,
    preparation = true,
  }
  if self.bare then spec.credentials = false end
  self:request("Refresh", spec)
  self.allocated = false
end

-- Waits for a message for which accept(message) is true among those that were not asked for.
function client:await(seconds, accept)
  local deadline = clock.monotonic() + seconds
  while true do
    local left = deadline - clock.monotonic()
    if left <= 0 then return nil end
    local octets, from = self.endpoint:receive(left)
    if not octets then return nil, from end
    local found = accept(octets, from)
    if found then return found end
  end
end

-- Sends octets as they stand, waiting for nothing.
function client:send(octets, step)
  self.bench.limits:take()
  self.step = step
  return self.endpoint:send(octets)
end

return client
