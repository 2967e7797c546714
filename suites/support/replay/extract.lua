-- SPDX-License-Identifier: BSD-3-Clause
--
-- What the clients of a capture asked, flow by flow, and what they were answered: the score that a replay plays. Only
-- requests are taken: a retransmission is left out, since replaying retransmits where it has to. The octets lie in a
-- file, for captures are larger than memory; here stand places in it.
--
-- With the captured server's keys it is known of a request what was wrong with it, so that it can be wrong again.

local audit = require "audit"
local spool = require "spool"
local stun = require "stun"

local score = {}
score.__index = score

local extract = {}

local REQUEST <const> = "<i8 i8 s1 I2 I4 d I2 I2 I2 s4" -- time, frame, name, marks, of its token, octets
local ANSWER <const> = "<i8 i8 s4" -- time, frame, octets
local OUTCOMES <const> = 16 -- bits for the number of an outcome, below the place of its answer
local MANY <const> = (1 << OUTCOMES) - 1

-- What is known of a request, as bits.
local marks = {
  broken = 1, broken_sha256 = 1024, -- its integrity does not verify
  refused = 2, -- its token does not open under the key of its kid
  unknown_kid = 4,
  made_up_nonce = 8, -- of a flow that was given others
  other_realm = 16, -- than the one that the flow was given
  other_name = 32, -- than the one that the session began with
  whole = 64, sha1 = 128, cut = 256, -- the form of the key of its integrity
  opened = 512, -- its token
  signed = 2048,
}
extract.marks = marks

local forms = { whole = true, sha1 = true, cut = true }

-- An answer as it is compared: { class =, code =, attributes = (an integer, see stun.names), octets = }.
function extract.outcome(octets)
  local class, _, attributes, code = stun.outline(octets)
  if not class then return { class = "malformed", attributes = 0, octets = octets } end
  return { class = class, code = code, attributes = attributes, octets = octets }
end

-- What a request is called in reports: its method and what it brings.
local function describe(method, token, signed)
  return method .. (token and " with a token" or signed and " signed" or " without credentials")
end

function score:put(packed)
  local place, problem = self.spool:add(packed)
  if not place then
    self.unwritten = problem
    error(problem, 0)
  end
  return place
end

function score:flow_of(key, sighting, transport, time)
  local from, to = sighting:from(), sighting:to()
  local flow = {
    began = time, open = {},
    head = self:put(("<s1 s1 I2 s1 I2"):pack(transport, from.address, from.port, to.address, to.port)),
  }
  local place = #self.flows + 1
  self.flows[place], self.by_key[key], flow.place = flow, flow, place
  return flow
end

-- Tokens of kids of which none was opened, though others do not show that the captured server did not know the kid:
-- what is wrong with them cannot be told.
function score:sealed()
  local count = 0
  for kid, number in pairs(self.unopened) do
    local known = next(self.opened) == nil or self.accepted_kids[kid]
    if known and not self.opened[kid] then count = count + number end
  end
  return count
end

-- What is wrong with a request, as far as it shows.
local function marks_of(flow, username, realm, integrity, sha256, token, nonce, challenged)
  local found = 0
  local form = integrity or sha256
  if forms[form] then found = found | marks[form] end
  if token == "refused" then found = found | marks.refused end
  if token == "kid-unknown" then found = found | marks.unknown_kid end
  if token == "opened" then found = found | marks.opened end
  if nonce == "unseen" and challenged then found = found | marks.made_up_nonce end
  if realm and flow.realm and realm ~= flow.realm then found = found | marks.other_realm end
  if username and not token and flow.username and username ~= flow.username then
    found = found | marks.other_name -- signed with a key that may well be its own
  else
    if integrity == "invalid" then found = found | marks.broken end
    if sha256 == "invalid" then found = found | marks.broken_sha256 end
  end
  return found
end

function score:take_request(sighting, key, id, time, frame, octets, transport)
  local integrity, sha256, token, nonce, transaction, challenged, lifetime, timestamp, key_length, nonce_length, extra =
    sighting:worth()
  if transaction == "again" then return end
  local _, method, _, _, has_token, signed = stun.outline(octets)
  if not method then return end
  local flow = self.by_key[key] or self:flow_of(key, sighting, transport, time)
  local username, realm = stun.credentials(octets)
  local found = signed and marks.signed or 0
  found = found | marks_of(flow, username, realm, integrity, sha256, has_token and token, nonce, challenged)
  if found & marks.opened ~= 0 then self.opened[username or ""] = true end
  if has_token and found & marks.opened == 0 then
    self.unopened[username or ""] = (self.unopened[username or ""] or 0) + 1
  end
  flow[#flow + 1] = self:put(REQUEST:pack(time, frame, describe(method, has_token, signed), found, lifetime or 0,
    timestamp or 0, key_length or 0, nonce_length or 0, math.min(extra or 0, 0xFFFF), octets))
  flow[#flow + 1] = false
  flow.open[id] = { place = #flow, username = username, token = has_token, marks = found, method = method }
  self.requests = self.requests + 1
  self.order[self.requests] = flow.place
  self.began = self.began and math.min(self.began, time) or time
end

-- The number of what an answer comes to. There are few of them, unless somebody makes many: those share the last.
function score:number_of(octets)
  local outcome = extract.outcome(octets)
  local key = ("%s %s %d"):format(outcome.class, outcome.code, outcome.attributes)
  local number = self.numbers[key]
  if not number then
    number = math.min(#self.outcomes + 1, MANY)
    outcome.octets = nil
    self.numbers[key], self.outcomes[number] = number, outcome
  end
  return number
end

function score:take_answer(key, id, class, time, frame, octets)
  local flow = self.by_key[key]
  local asked = flow and flow.open[id]
  if not asked then return end
  flow.open[id] = nil
  flow[asked.place] = self:put(ANSWER:pack(time, frame, octets)) << OUTCOMES | self:number_of(octets)
  if class == "success" then
    for form in pairs(forms) do
      if asked.marks & marks[form] ~= 0 then self.accepted_forms[form] = true end
    end
    if asked.username and asked.token then self.accepted_kids[asked.username] = true end
    if asked.username and not asked.token then self.accepted_users[asked.username] = true end
    if asked.method == "Allocate" or asked.token then flow.username = asked.username end
  else
    local _, realm = stun.credentials(octets)
    flow.realm = realm or flow.realm
    if octets:find("\x80\x2E", 1, true) then
      local message = stun.parse(octets)
      local name = message and message:raw "THIRD-PARTY-AUTHORIZATION"
      if name then self.names[name] = true end
    end
  end
end

-- Takes one message in. Each end that asks is a client of its own: those of ICE ask each other.
function score:take(sighting)
  local class, number, time, frame, octets, transport, upward = sighting:brief()
  if class ~= "request" and class ~= "success" and class ~= "error" then return end
  local key = (class == "request") == upward and number or -number
  if class == "request" then
    self:take_request(sighting, key, octets:sub(9, 20), time, frame, octets, transport)
  else
    self:take_answer(key, octets:sub(9, 20), class, time, frame, octets)
  end
end

-- How many requests a flow has.
function score:count(flow) return #flow // 2 end

-- The transport, and both ends of a flow as { address =, port = }.
function score:ends(flow)
  local transport, from, from_port, to, to_port = ("<s1 s1 I2 s1 I2"):unpack(assert(self.spool:get(flow.head)))
  return transport, { address = from, port = from_port }, { address = to, port = to_port }
end

-- The n-th request of a flow: { octets =, time = (ns), frame =, name =, marks =, lifetime =, timestamp =, key_length =,
-- nonce_length =, extra = (of its token), expected = (an outcome without octets; nil: it has no answer) }.
function score:step(flow, n)
  local time, frame, name, found, lifetime, timestamp, key_length, nonce_length, extra, octets =
    REQUEST:unpack(assert(self.spool:get(flow[2 * n - 1])))
  local answer = flow[2 * n]
  return { -- with room for what players add
    time = time, frame = frame, name = name, marks = found, lifetime = lifetime, timestamp = timestamp,
    key_length = key_length, nonce_length = nonce_length, extra = extra, octets = octets,
    expected = answer and self.outcomes[answer & MANY] or nil, n = n, sent = nil, holder = nil, place = nil,
  }
end

-- The answer that the n-th request of a flow has in the capture: its time (ns), frame and octets; nil without one.
function score:answer(flow, n)
  local answer = flow[2 * n]
  if answer then return ANSWER:unpack(assert(self.spool:get(answer >> OUTCOMES))) end
end

-- Whether something about a request was wrong on purpose, as the whole capture shows: keys that open nothing and forms
-- of the key that nobody tried say nothing.
-- Returns it of MESSAGE-INTEGRITY and of MESSAGE-INTEGRITY-SHA256.
function score:breaks_integrity(step)
  local found = step.marks
  if found & self.wrong_forms ~= 0 then return true, true end
  return found & marks.broken ~= 0, found & marks.broken_sha256 ~= 0
end

local function wrong_forms(accepted)
  local wrong = 0
  for form in pairs(next(accepted) and forms or {}) do
    if not accepted[form] then wrong = wrong | marks[form] end
  end
  return wrong
end

function score:keeps_token(step, kid)
  if step.marks & marks.refused ~= 0 then return self.opened[kid] end
  return step.marks & marks.unknown_kid ~= 0 and next(self.opened) ~= nil and not self.accepted_kids[kid]
end

function score:close() self.spool:close() end

-- The score of a capture. options: keys and users of the captured server, names (of servers, beside those that it
-- announces), keylogs. Returns { flows = in the order in which they began, requests = how many, order = of all requests
-- the flow's place in flows_by_place, began = ns, damage =, opaque =, interrupted = }; nil, text[, true when it is a
-- temporary file that cannot be written].
function extract.read(path, options)
  local store, problem = spool.new()
  if not store then return nil, problem, true end
  local self = setmetatable({
    flows = {}, by_key = {}, requests = 0, unopened = {}, order = {}, spool = store, names = {},
    opened = {}, accepted_kids = {}, accepted_users = {}, accepted_forms = {},
    outcomes = {}, numbers = {},
  }, score)
  for _, name in ipairs(options.names) do self.names[name] = true end
  local ok, outcome, failure = pcall(audit.run, {
    path = path, keylogs = options.keylogs, keys = options.keys, users = options.users, server_name = options.names[1],
    kind = function() return {}, false end, each = function() return {} end,
    message = function(sighting) self:take(sighting) end,
  })
  if not ok then
    if self.unwritten then return nil, self.unwritten, true end
    error(outcome, 0)
  end
  if not outcome then return nil, failure end
  self.damage, self.opaque, self.interrupted, self.by_key = outcome.damage, outcome.opaques, outcome.interrupted, nil
  self.wrong_forms, self.numbers = wrong_forms(self.accepted_forms), nil
  for _, flow in ipairs(self.flows) do flow.open, flow.realm, flow.username = nil, nil, nil end
  return self
end

return extract
