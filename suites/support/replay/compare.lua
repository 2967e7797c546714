-- SPDX-License-Identifier: BSD-3-Clause
--
-- What a replay came to: the answers of a live server beside the captured ones (or those of another server), by class,
-- code and attributes. Requests that are of one kind (method, what they bring, what they were answered in the capture)
-- are told together.

local exchange = require "support.exchange"
local stun = require "stun"

local compare = {}
compare.__index = compare

local KEPT <const> = 3 -- frames of each difference
local DIFFERENCES <const> = 50 -- of one kind that are told apart

-- words: what both answers are called, where they are not the captured one and the one now; strict: silence of the
-- first is no accident of capturing.
function compare.new(score, words, strict)
  return setmetatable({
    score = score, words = words or { "the captured answer", "the answer now" }, strict = strict,
    kinds = {}, order = {}, same = 0, different = 0, unanswered = 0,
  }, compare)
end

local errors, changes = {}, {} -- texts, by code and by both texts

local function outcome_text(outcome)
  if not outcome then return "no answer" end
  if outcome.class ~= "error" then return outcome.class end
  local code = outcome.code or "without a code"
  errors[code] = errors[code] or ("error %s"):format(code)
  return errors[code]
end
compare.outcome_text = outcome_text

local function list(attributes, word)
  local names = stun.names(attributes)
  return #names > 0 and word .. table.concat(names, ", ") or nil
end

-- Attributes that one has and the other lacks, as text; nil when they are the same.
local function attributes_text(expected, got)
  if got.attributes == expected.attributes then return nil end
  local more = list(got.attributes & ~expected.attributes, "with ")
  local less = list(expected.attributes & ~got.attributes, "without ")
  return more and less and more .. ", " .. less or more or less
end

-- How two answers to one request differ, as text and verdict; nil when they do not. nil stands for no answer. Another
-- class or code is a failure; other attributes are a warning, for servers are free to add some; an answer where the
-- capture has none is one too (the packet may only be missing there), unless strict.
function compare.difference(expected, got, strict)
  local before, after = outcome_text(expected), outcome_text(got)
  if before ~= after then
    local known = changes[before] or {}
    changes[before] = known
    known[after] = known[after] or after .. " instead of " .. before
    return known[after], (expected or strict) and "fail" or "warn"
  end
  local text = expected and attributes_text(expected, got)
  if text then return text, "warn" end
end

function compare:kind(step, expected)
  local text = outcome_text(expected)
  local of_name = self.kinds[step.name] or {}
  self.kinds[step.name] = of_name
  local kind = of_name[text]
  if not kind then
    kind = { name = step.name .. ", answered " .. text, outcome = text, count = 0, same = 0,
      differences = {}, by_text = {}, notes = {} }
    of_name[text], self.order[#self.order + 1] = kind, kind
  end
  return kind
end

function compare:exchange_of(flow, step, octets, got)
  local transport, from, to = flow.transport, flow.from, flow.to
  local answered, answer_frame, answer = step.time, nil, step.answer
  if not answer and not self.strict then answered, answer_frame, answer = self.score:answer(step) end
  local entries = {
    { time = 0, direction = "sent", transport = transport, from = from, to = to, octets = octets,
      frame = step.frame, step = "the request, as it was sent again" },
  }
  if answer then
    entries[2] = { time = (answered - step.time) / 1e9, direction = "received", transport = transport,
      from = to, to = from, octets = answer, frame = answer_frame, step = self.words[1] }
  end
  if got then
    entries[#entries + 1] = { time = 0, direction = "received", transport = transport, from = to,
      to = from, octets = got.octets, step = self.words[2] }
  end
  return exchange.of(entries, 0, true)
end

-- One request of a flow. expected, got: outcomes (extract.lua), nil for none; octets: what was sent; failure: why there
-- is none.
function compare:add(flow, step, expected, got, octets, failure)
  local kind = self:kind(step, expected)
  kind.count = kind.count + 1
  local text, verdict = compare.difference(expected, got, self.strict)
  if not text then
    kind.same, self.same = kind.same + 1, self.same + 1
    return
  end
  if not got and failure and kind.failed ~= failure then
    kind.failed, kind.failure = failure, text .. " (" .. failure .. ")"
  end
  if not got and failure then text = kind.failure end
  self.different = self.different + 1
  if not got then self.unanswered = self.unanswered + 1 end
  local difference = kind.by_text[text]
  if not difference then
    if #kind.differences >= DIFFERENCES then text = verdict == "fail" and "otherwise" or "with other attributes" end
    difference = kind.by_text[text]
    if not difference then
      difference = { text = text, verdict = verdict, count = 0, frames = {},
        exchange = self:exchange_of(flow, step, octets, got) }
      kind.by_text[text], kind.differences[#kind.differences + 1] = difference, difference
    end
  end
  difference.count = difference.count + 1
  if #difference.frames < KEPT then difference.frames[#difference.frames + 1] = step.frame end
end

return compare
