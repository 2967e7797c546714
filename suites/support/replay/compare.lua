-- SPDX-License-Identifier: BSD-3-Clause
--
-- What a replay came to: the answers of a live server beside the captured ones, by class, code and attributes. Requests
-- that are of one kind (method, what they bring, what they were answered in the capture) are told together.

local recorder = require "support.recorder"
local stun = require "stun"

local compare = {}
compare.__index = compare

local KEPT <const> = 3 -- examples of each difference
local DIFFERENCES <const> = 50 -- of one kind that are told apart

function compare.new()
  return setmetatable({ kinds = {}, order = {}, same = 0, different = 0, unanswered = 0 }, compare)
end

local function outcome_text(outcome)
  if not outcome then return "no answer" end
  if outcome.class == "error" then return ("error %s"):format(outcome.code or "without a code") end
  return outcome.class
end
compare.outcome_text = outcome_text

local function list(attributes, word)
  local names = stun.names(attributes)
  return #names > 0 and word .. table.concat(names, ", ") or nil
end

-- Attributes that one has and the other lacks, as text; nil when they are the same.
local function attributes_text(expected, got)
  local more = list(got.attributes & ~expected.attributes, "with ")
  local less = list(expected.attributes & ~got.attributes, "without ")
  return more and less and more .. ", " .. less or more or less
end

-- How two answers to one request differ, as text and verdict; nil when they do not. nil stands for no answer: one that
-- is missing in the capture may have been lost there.
function compare.difference(expected, got)
  local before, after = outcome_text(expected), outcome_text(got)
  if before ~= after then return ("%s instead of %s"):format(after, before), expected and "fail" or "warn" end
  local text = expected and attributes_text(expected, got)
  if text then return text, "warn" end
end

function compare:kind(step, expected)
  local name = step.name .. ", answered " .. outcome_text(expected)
  local kind = self.kinds[name]
  if not kind then
    kind = { name = name, outcome = outcome_text(expected), count = 0, same = 0,
      differences = {}, by_text = {}, frame = step.frame, notes = {} }
    self.kinds[name], self.order[#self.order + 1] = kind, kind
  end
  return kind
end

local function exchange_of(flow, step, octets, got)
  local entries = {
    { time = 0, direction = "sent", transport = flow.transport, from = flow.from, to = flow.to, octets = octets,
      frame = step.frame, step = "the request, as it was sent again" },
  }
  if step.answer then
    entries[2] = { time = (step.answered - step.time) / 1e9, direction = "received", transport = flow.transport,
      from = flow.to, to = flow.from, octets = step.answer, frame = step.answer_frame, step = "the captured answer" }
  end
  if got then
    entries[#entries + 1] = { time = 0, direction = "received", transport = flow.transport, from = flow.to,
      to = flow.from, octets = got.octets, step = "the answer now" }
  end
  return recorder.exchange(entries, 0, true)
end

-- One request. expected, got: outcomes (extract.lua), nil for none; octets: what was sent; failure: why there is none.
function compare:add(flow, step, expected, got, octets, failure)
  local kind = self:kind(step, expected)
  kind.count = kind.count + 1
  step.live = step.live or {}
  step.live[self] = got or false
  local text, verdict = compare.difference(expected, got)
  if not text then
    kind.same, self.same = kind.same + 1, self.same + 1
    return
  end
  if not got and failure then text = ("%s (%s)"):format(text, failure) end
  self.different = self.different + 1
  if not got then self.unanswered = self.unanswered + 1 end
  local difference = kind.by_text[text]
  if not difference then
    if #kind.differences >= DIFFERENCES then text = "otherwise" end
    difference = kind.by_text[text] or { text = text, verdict = verdict, count = 0, frames = {} }
    if not kind.by_text[text] then
      kind.by_text[text], kind.differences[#kind.differences + 1] = difference, difference
      difference.exchange = exchange_of(flow, step, octets, got)
    end
  end
  difference.count = difference.count + 1
  if #difference.frames < KEPT then difference.frames[#difference.frames + 1] = step.frame end
end

-- A request that could not be sent.
function compare:unsent(flow, step, problem)
  self:add(flow, step, step.answer and { class = "an answer", attributes = 0, octets = step.answer } or nil, nil, step.octets,
    "it was not sent: " .. problem)
end

return compare
