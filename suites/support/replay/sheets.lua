-- SPDX-License-Identifier: BSD-3-Clause
--
-- The files in which the score of a capture lies (extract.lua): flows in the order in which they began, steps in the
-- order in which they were sent, and answers. Each step has the place of the next one of its flow, so that flows are
-- read one by one as well as all together, and nothing but places stands in memory.

local spool = require "spool"

local sheets = {}

-- A flow: when it began, its first step, how many messages of its server carried data; transport and both ends.
local FLOW <const> = "<i8 i8 I8 s1 s1 I2 s1 I2"
local FIRST_AT <const>, CAME_AT <const> = 8, 16
-- A step: the next one of its flow; of its answer time, number of the outcome and place. Then its flow, what it is, its
-- time, frame, name, marks, of its token whether it opened and five numbers, how many data had come, octets. What comes
-- later in the capture is written into the first ones then.
local STEP <const> = "<i8 i8 I2 i8 i8 B i8 i8 s1 I2 B I4 d I2 I2 I2 I8 s4"
local PLACE <const>, ANSWERED <const>, COUNT <const> = "<i8", "<i8 I2 i8", "<I8"
local NEXT_AT <const>, ANSWERED_AT <const> = 0, 8
local NONE <const> = -1 -- no place
local ANSWER <const> = "<i8 i8 s4" -- time, frame, octets
local OUTCOME <const> = "<s1 i8 i8 s4" -- class, code, attributes, octets

local kinds = { "request", "send", "channel" }
local numbers = { request = 1, send = 2, channel = 3 }

-- Opens them. true; nil, text.
function sheets:open()
  for _, name in ipairs { "heads", "steps", "answers" } do
    local problem
    self[name], problem = spool.new()
    if not self[name] then return nil, problem end
  end
  self.flow_count = 0
  return true
end

function sheets:close()
  for _, store in ipairs { self.heads, self.steps, self.answers } do store:close() end
end

-- What a spool returned; throws when it cannot be written, and says so in `unwritten`.
function sheets:checked(outcome, problem)
  if outcome then return outcome end
  self.unwritten = problem
  error(problem, 0)
end

local function begin(self, flow, sighting, transport, time)
  local from, to = sighting:from(), sighting:to()
  local head = FLOW:pack(time, NONE, 0, transport, from.address, from.port, to.address, to.port)
  flow.at = self:checked(self.heads:add(head))
  self.flow_count = self.flow_count + 1
  self.first_flow = self.first_flow or flow.at
end

-- Puts a step at the end of a flow, which is written down with its first one. flow: { at =, last =, came = }; about: of
-- a request { name =, marks =, lifetime =, ... }. Returns its place.
function sheets:add(flow, kind, sighting, time, frame, octets, transport, about)
  if not flow.at then begin(self, flow, sighting, transport, time) end
  local place = self:checked(self.steps:add(STEP:pack(NONE, 0, 0, NONE, flow.at, numbers[kind], time, frame, about.name,
    about.marks or 0, about.timestamp and 1 or 0, about.lifetime or 0, about.timestamp or 0, about.key_length or 0,
    about.nonce_length or 0, math.min(about.extra or 0, 0xFFFF), flow.came, octets)))
  if flow.last then
    self:checked(self.steps:put(flow.last, NEXT_AT, PLACE:pack(place)))
  else
    self:checked(self.heads:put(flow.at, FIRST_AT, PLACE:pack(place)))
  end
  flow.last = place
  self.first_step = self.first_step or place
  self.began = self.began and math.min(self.began, time) or time
  return place
end

-- The answer to the step at a place, and the number of what it comes to.
function sheets:add_answer(place, number, time, frame, octets)
  local answer = self:checked(self.answers:add(ANSWER:pack(time, frame, octets)))
  self:checked(self.steps:put(place, ANSWERED_AT, ANSWERED:pack(time, number, answer)))
end

-- Nothing more comes of a flow: what was counted of it is written down.
function sheets:finish(flow)
  if flow.at and flow.came > 0 then self:checked(self.heads:put(flow.at, CAME_AT, COUNT:pack(flow.came))) end
end

-- The flow at a place: { at =, began = (ns), first = (place of its first step), came = how many messages its server
-- sent that carried data, transport =, from =, to = (its ends, { address =, port = }) }, and the place of the one that
-- began next, nil for the last.
function sheets:flow(at)
  local octets, following = self.heads:get(at)
  local began, first, came, transport, from, from_port, to, to_port = FLOW:unpack((assert(octets, following)))
  return { at = at, began = began, first = first, came = came, transport = transport,
    from = { address = from, port = from_port }, to = { address = to, port = to_port } }, following
end

-- The step at a place: { at =, kind = "request" | "send" | "channel", octets =, time = (ns), frame =, name =, marks =,
-- token = (of one that opened, { lifetime =, timestamp =, key_length =, nonce_length =, extra = }), expected = (an
-- outcome without octets; nil: it has no answer), answered = (when, ns), came = (how many data had come to its client
-- by then), flow = (its place), next = (the place of the next one of its flow; nil: it is the last) }, and the place of
-- the step that was sent next, of whatever flow, nil for the last.
function sheets:step(at)
  local octets, following = self.steps:get(at)
  local next_one, answered, number, answer, flow, kind, time, frame, name, found, has_token, lifetime, timestamp,
    key_length, nonce_length, extra, came, message = STEP:unpack((assert(octets, following)))
  local is_answered = answer ~= NONE
  return { -- sixteen fields at most, two of which players fill: with one more it takes twice the memory
    at = at, kind = kinds[kind], time = time, frame = frame, name = name, marks = found, octets = message,
    token = has_token == 1 and { lifetime = lifetime, timestamp = timestamp, key_length = key_length,
      nonce_length = nonce_length, extra = extra } or nil,
    expected = is_answered and self.outcomes[number] or nil, answered = is_answered and answered or nil,
    answer_at = is_answered and answer or nil, came = came, flow = flow, next = next_one ~= NONE and next_one or nil,
    sent = nil, holder = nil,
  }, following
end

-- Puts an outcome (extract.lua) by, octets and all, since one target may be far ahead of another. What fetch() takes.
function sheets:put_by(outcome)
  if not outcome then return NONE end
  return self:checked(self.answers:add(OUTCOME:pack(outcome.class, outcome.code or 0, outcome.attributes,
    outcome.octets)))
end

function sheets:fetch(place)
  if place == NONE then return nil end
  local class, code, attributes, octets = OUTCOME:unpack((assert(self.answers:get(place))))
  return { class = class, code = code ~= 0 and code or nil, attributes = attributes, octets = octets }
end

-- The answer that a step has in the capture: its time (ns), frame and octets; nil without one.
function sheets:answer(step)
  if step.answer_at then return ANSWER:unpack((assert(self.answers:get(step.answer_at)))) end
end

return sheets
