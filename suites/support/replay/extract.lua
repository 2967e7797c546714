-- SPDX-License-Identifier: BSD-3-Clause
--
-- What the clients of a capture asked, flow by flow, and what they were answered: the score that a replay plays. Only
-- requests are taken: a retransmission is left out, since replaying retransmits where it has to.

local audit = require "audit"
local stun = require "stun"

local extract = {}

local function id_of(octets) return #octets >= 20 and octets:sub(9, 20) or nil end

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

-- Takes one message in.
local function take(score, sighting)
  local class, number, time, frame, octets, transport = sighting:brief()
  local id = id_of(octets)
  if not id or class == "indication" or class == "malformed" or class == "channel" then return end
  local flow = score.by_number[number]
  if class == "request" then
    if not flow then
      local from, to = sighting:from(), sighting:to()
      flow = { number = number, transport = transport, from = from, to = to, began = time, steps = {}, by_id = {} }
      score.by_number[number], score.flows[#score.flows + 1] = flow, flow
    end
    if flow.by_id[id] then return end
    local _, method, _, _, token, signed = stun.outline(octets)
    if not method then return end
    local step = { octets = octets, time = time, frame = frame, name = describe(method, token, signed), token = token }
    flow.by_id[id], flow.steps[#flow.steps + 1] = step, step
    score.requests = score.requests + 1
    score.began = score.began and math.min(score.began, time) or time
  else
    local step = flow and flow.by_id[id]
    if step and not step.answer then
      step.answer, step.answered, step.answer_frame = octets, time, frame
    end
  end
end

-- The score of a capture: { flows = { { transport =, from =, to =, began = ns, steps = { { octets =, time = ns, frame =,
-- answer = octets or nil, answered = ns, answer_frame = } } } }, requests = how many, began = ns, damage = }, flows in
-- the order in which they began. nil, text when it cannot be read.
function extract.read(path, keylogs)
  local score = { flows = {}, by_number = {}, requests = 0 }
  local outcome, problem = audit.run {
    path = path, keylogs = keylogs, kind = function() return {}, false end, each = function() return {} end,
    message = function(sighting) take(score, sighting) end,
  }
  if not outcome then return nil, problem end
  score.damage, score.by_number = outcome.damage, nil
  score.opaque = outcome.opaques
  for _, flow in ipairs(score.flows) do flow.by_id = nil end
  table.sort(score.flows, function(a, b)
    if a.began ~= b.began then return a.began < b.began end
    return a.number < b.number
  end)
  return score
end

return extract
