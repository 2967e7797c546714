-- SPDX-License-Identifier: BSD-3-Clause
--
-- What the clients of a capture sent, flow by flow, and what they were answered: the score that a replay plays. It has
-- requests, and where it is wanted what is to be relayed: Send indications and ChannelData. A retransmission is left
-- out, since replaying retransmits where it has to. All of it lies in files (sheets.lua); in memory stand the flows
-- that are open in the capture, and what became of users and kids.
--
-- With the captured server's keys it is known of a request what was wrong with it, so that it can be wrong again.

local audit = require "audit"
local sheets = require "support.replay.sheets"
local stun = require "stun"

local score = setmetatable({}, { __index = sheets })
score.__index = score

local extract = {}

local UNANSWERED <const> = 512 -- requests of a flow, twice, that may still get their answer
local MANY <const> = 0xFFFF -- numbers of outcomes
local SEND_TYPE <const>, DATA_TYPE <const> = "\x00\x16", "\x00\x17" -- indications

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
  ahead = 4096, -- perhaps with the key of a token that has no answer yet
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

-- The flow of one end that asks.
function score:flow_of(key)
  local flow = self.by_key[key]
  if not flow then
    flow = { open = {}, older = {}, asked = 0, came = 0 }
    self.by_key[key] = flow
  end
  return flow
end

-- Whether a message is to be played, as far as the frames say that were named.
function score:is_chosen(sighting, frame)
  if not self.frames then return true end
  return self.frames:choose(sighting:place().first_frame, frame)
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

function score:take_request(sighting, flow, id, time, frame, octets, transport)
  local integrity, sha256, token, nonce, transaction, challenged, lifetime, timestamp, key_length, nonce_length, extra =
    sighting:worth()
  if transaction == "again" then
    local asked = self.frames and (flow.open[id] or flow.older[id])
    if asked then self.frames:again(sighting:place().first_frame, frame, asked.frame) end
    return
  end
  local _, method, _, _, has_token, signed = stun.outline(octets)
  if not method then return end
  local username, realm = stun.credentials(octets)
  local found = signed and marks.signed or 0
  found = found | marks_of(flow, username, realm, integrity, sha256, has_token and token, nonce, challenged)
  if found & marks.opened ~= 0 then self.opened[username or ""] = true end
  if has_token and found & marks.opened == 0 then
    self.unopened[username or ""] = (self.unopened[username or ""] or 0) + 1
  end
  if found & marks.opened ~= 0 then
    flow.offered = method ~= "Binding" and id or flow.offered
  elseif flow.offered and not has_token and (integrity == "invalid" or sha256 == "invalid") then
    found = found | marks.ahead
  end
  local place
  if self:is_chosen(sighting, frame) then
    place = self:add(flow, "request", sighting, time, frame, octets, transport, {
      name = describe(method, has_token, signed), marks = found, lifetime = lifetime, timestamp = timestamp,
      key_length = key_length, nonce_length = nonce_length, extra = extra,
    })
    self.requests = self.requests + 1
  else
    self.left_out = self.left_out + 1
  end
  if flow.asked >= UNANSWERED then flow.older, flow.open, flow.asked = flow.open, {}, 0 end
  flow.open[id] = { place = place, username = username, token = has_token, marks = found, method = method,
    frame = frame }
  flow.asked = flow.asked + 1
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

function score:take_answer(flow, id, class, time, frame, octets)
  local asked = flow.open[id] or flow.older[id]
  if not asked then return end
  if flow.open[id] then flow.asked = flow.asked - 1 end
  flow.open[id], flow.older[id] = nil, nil
  if flow.offered == id then flow.offered = nil end
  if asked.place then self:add_answer(asked.place, self:number_of(octets), time, frame, octets) end
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

-- What a client wants relayed, or what a server has relayed to it.
function score:take_data(flow, kind, is_sent, sighting, time, frame, octets, transport)
  if not flow then
    self.strays = self.strays + 1
  elseif not is_sent then
    flow.came = flow.came + 1
    self.came[kind] = self.came[kind] + 1
  elseif not self:is_chosen(sighting, frame) then
    self.left_out = self.left_out + 1
  else
    self:add(flow, kind, sighting, time, frame, octets, transport, { name = kind })
    self.data[kind] = self.data[kind] + 1
  end
end

-- Takes one message in. Each end that asks is a client of its own: those of ICE ask each other.
function score:take(sighting)
  local class, number, time, frame, octets, transport, upward = sighting:brief()
  if class == "request" then
    local flow = self:flow_of(upward and number or -number)
    self:take_request(sighting, flow, octets:sub(9, 20), time, frame, octets, transport)
  elseif class == "success" or class == "error" then
    local flow = self.by_key[upward and -number or number]
    if flow then self:take_answer(flow, octets:sub(9, 20), class, time, frame, octets) end
  elseif class == "indication" then
    local is_sent = octets:sub(1, 2) == SEND_TYPE
    if not is_sent and octets:sub(1, 2) ~= DATA_TYPE then return end
    if not self.with_data then
      self.unsent = self.unsent + (is_sent and 1 or 0)
      return
    end
    local key = upward == is_sent and number or -number
    self:take_data(self.by_key[key], "send", is_sent, sighting, time, frame, octets, transport)
  end
end

-- Takes in ChannelData, whose sender only shows by who has asked for anything.
function score:take_channel_data(sighting)
  local _, number, time, frame, octets, transport, upward, sender = sighting:brief()
  local own = upward and number or -number
  local is_sent = self.by_key[own] ~= nil
  if is_sent and self.by_key[-own] then is_sent = sender == "client" end
  self:take_data(self.by_key[is_sent and own or -own], "channel", is_sent, sighting, time, frame, octets, transport)
end

-- Nothing more comes of a flow of the capture.
function score:forget(number)
  for _, key in ipairs { number, -number } do
    local flow = self.by_key[key]
    if flow then self:finish(flow) end
    self.by_key[key] = nil
  end
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

-- The score of a capture. options: keys and users of the captured server, names (of servers, beside those that it
-- announces), keylogs, data (true: with what is to be relayed), frames (frames.lua; which to take). Returns
-- { flow_count =, first_flow = the place of the flow that began first, first_step = of the step that was sent first,
-- requests = how many, data = { send =, channel = } how many, came = the same of what servers sent, strays = data of
-- nobody who asked for anything, unsent = Send indications that were not wanted, relayed = ChannelData of both sides,
-- left_out = by their frames, began = ns, damage =, opaque =, interrupted = }; nil, text[, true when it is a temporary
-- file that cannot be written].
function extract.read(path, options)
  local self = setmetatable({
    by_key = {}, requests = 0, unopened = {}, names = {}, frames = options.frames, left_out = 0, unsent = 0, strays = 0,
    with_data = options.data, data = { send = 0, channel = 0 }, came = { send = 0, channel = 0 },
    opened = {}, accepted_kids = {}, accepted_users = {}, accepted_forms = {},
    outcomes = {}, numbers = {},
  }, score)
  local opened, problem = self:open()
  if not opened then return nil, problem, true end
  for _, name in ipairs(options.names) do self.names[name] = true end
  local ok, outcome, failure = pcall(audit.run, {
    path = path, keylogs = options.keylogs, keys = options.keys, users = options.users, server_name = options.names[1],
    kind = function() return {}, false end, each = function() return {} end,
    message = function(sighting) self:take(sighting) end,
    data = options.data and function(sighting) self:take_channel_data(sighting) end or nil,
    gone = function(number) self:forget(number) end,
  })
  if not ok then
    if self.unwritten then return nil, self.unwritten, true end
    error(outcome, 0)
  end
  if not outcome then return nil, failure end
  self.damage, self.opaque, self.interrupted, self.by_key = outcome.damage, outcome.opaques, outcome.interrupted, nil
  self.relayed = outcome.count.channel_data
  self.wrong_forms, self.numbers = wrong_forms(self.accepted_forms), nil
  return self
end

return extract
