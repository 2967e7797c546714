-- SPDX-License-Identifier: BSD-3-Clause
--
-- `t`, the hands of a scenario: craft, send, expect, check. What a request is made of is described in
-- support/client.lua, what a token is made of in support/minting.lua, what can be expected of an answer in
-- support/reply.lua.

local bytes = require "bytes"
local catalogue = require "requirements.catalogue"
local client = require "support.client"
local clock = require "clock"
local expect = require "support.expect"
local minting = require "support.minting"
local net = require "net"
local preflight = require "support.preflight"
local relay = require "support.relay"
local stop = require "support.stop"
local transports = require "support.transports"

local hands = {}
hands.__index = hands

-- bench: support/bench.lua; instance: { scenario =, transport =, id = }; record: support/record.lua
function hands.new(bench, instance, record)
  return setmetatable({
    bench = bench, profile = bench.profile, scenario = instance.scenario, transport = instance.transport,
    record = record, id = instance.id, clients = {}, checks = {}, notes = {}, labels = {}, rulings = {},
  }, hands)
end

-- Sealed with every right value, at this moment; see support/minting.lua for what may be said.
function hands:token(spec)
  return minting.mint(self.bench, spec or {})
end

-- A minted token with its octets changed: change(octets, layout, token) → octets.
function hands:altered(minted, change)
  local copy = {}
  for field, value in pairs(minted) do copy[field] = value end
  copy.octets = change(minted.octets, minting.layout(minted), minted)
  return copy
end

-- The same hands over the first transport that is not encrypted; nil where there is none.
function hands:in_the_clear()
  for _, name in ipairs(self.bench.transports) do
    if not transports.is_secure(name) then return setmetatable({ transport = name }, { __index = self }) end
  end
end

-- Says that the scenario depends on how the target reads the times in a token: one that takes a token long past its
-- lifetime, which is judged elsewhere, does not show it, and the scenario is inconclusive. The lifetime is the same
-- from both ends, for who reads it from the other. Returns the seconds past a lifetime that were seen to be too many.
function hands:heeds_time(control)
  local lifetime <const>, over <const> = 0x00010100, 200000 -- 18 hours, more than two days
  local old = { lifetime = lifetime, age = lifetime + over }
  local refused = self:with_defect(control, { token = old }):is_error(401, 400)
  if not refused.ok then
    stop.inconclusive("how it reads a time in a token does not show, as one long past its lifetime is not refused: "
      .. (refused.unclear or refused.got))
  end
  return over
end

-- Says that the scenario depends on the target's clock; where that is not known closely enough it is inconclusive.
function hands:timed()
  if self.bench.clock_unknown then stop.inconclusive(self.bench.clock_unknown) end
end

-- The time of the target's clock as far as it is known, in seconds since 1970.
function hands:now()
  return clock.now() + self.bench.clock_offset
end

function hands:random(count)
  return bytes.random(count)
end

function hands:wait(seconds)
  net.sleep(seconds)
end

local HANDSHAKES <const> = 3 -- of DTLS, the first among them, that a lost or doubled datagram may spoil

-- A new client: a fresh 5-tuple without nonce or allocation. It ends with the scenario.
function hands:client()
  local new, problem = client.open(self.bench, self.record, self.transport)
  local tries = not new and transports.protocol(self.transport) == "dtls" and HANDSHAKES or 1
  if problem == "timeout" then tries = math.min(tries, 2) end -- all that while it sent its part again
  for _ = 2, tries do
    new, problem = client.open(self.bench, self.record, self.transport)
    if new then break end
  end
  if not new then stop.inconclusive(("no %s connection to the target: %s"):format(self.transport, problem)) end
  self.clients[#self.clients + 1] = new
  return new
end

-- Gets a challenge on a client, with the nonce that the scenario is about; without one it is inconclusive.
function hands:challenged(one)
  local ok, problem = one:challenge()
  if not ok then stop.inconclusive(problem) end
end

local SILENCES = 3 -- whole schedules without an answer before silence counts as the target's own

-- Whether the rest of the schedules can be spared, because the target is known to leave such requests unanswered.
local function is_known(self, answer)
  local known = answer.kind
    and self.bench.silence:of(answer.kind, answer.client, answer.request.spec.preparation)
  if not known then return false end
  answer.failure, answer.remembered = ("%s; %s"):format(answer.failure, known.why), true
  if known.spared then answer.unclear = answer.unclear or known.why end
  return true
end

-- Repeats ask() while it is met by silence. A lost answer is not a refusal to answer: a request stays unanswered only
-- after several whole schedules, each with a transaction of its own and on a path that still carries a Binding request.
local function confirmed(self, ask)
  local answer
  for attempt = 1, SILENCES do
    answer = ask()
    if answer.remembered then return answer end
    if not answer.silent then
      if attempt > 1 then self:note("answered when it was asked again, after %d unanswered", attempt - 1) end
      return answer
    end
    local open, why = preflight.answers(self.bench, self.record, self.transport)
    if not open then
      answer.unclear = ("no answer, and none to a Binding request beside it either (%s)"):format(why)
      return answer
    end
    if attempt < SILENCES and is_known(self, answer) then return answer end
  end
  return answer
end

-- Sends the request on a client; when it could not be judged for a reason of time or loss, the reply says so (unclear).
local function ask_once(one, method, spec)
  local answer, problem = one:request(method, spec)
  if not answer then stop.inconclusive(problem) end
  return answer
end

function hands:on(one, method, spec)
  return confirmed(self, function() return ask_once(one, method, spec or {}) end)
end

-- The very octets of a request that was answered, once more: on the client whose they are a retransmission, on another
-- somebody else's copy. pick() returns the client and the reply to the request; it is asked again for each attempt, as
-- what was sent too long ago may be forgotten. step: what the report calls it. Returns the reply, and what was picked.
function hands:again_as_sent(pick, step)
  local one, served
  local answer = confirmed(self, function()
    one, served = pick()
    one.step = step
    return one:transact(served.octets, served.request)
  end)
  return answer, one, served
end

-- Whether the network brought the request of a reply more than once, as more answers than it was sent show: then its
-- copy may have changed again what a later request had changed.
function hands:doubled(answer)
  return self.record:is_doubled(answer.octets)
end

function hands:refresh(one, spec) return self:on(one, "Refresh", spec) end
function hands:create_permission(one, spec) return self:on(one, "CreatePermission", spec) end
function hands:channel_bind(one, spec) return self:on(one, "ChannelBind", spec) end

-- Did the answer come while the token had the age that the check is about?
local function in_time(answer)
  local token = answer.request.token
  local window = token and token.spec and token.spec.while_age
  if not window then return true end
  local first = (answer.info.sent or clock.now()) + answer.client.bench.clock_offset - token.issued
  local last = (answer.info.received or clock.now()) + answer.client.bench.clock_offset - token.issued
  return first > window[1] and last < window[2]
end

-- The request on a fresh 5-tuple. It is made anew, three times at most, when an edge of time lay inside the exchange or
-- when its answer may stand for one that was lost: that to a retransmission, or a 437, which a network that doubles
-- datagrams may bring in place of the first answer.
local function fresh(self, method, spec)
  local answer
  for attempt = 1, 3 do
    answer = confirmed(self, function() return ask_once(self:client(), method, spec) end)
    if answer.remembered then return answer end
    if not in_time(answer) then
      answer.unclear = "an edge of time lay between the sending and the answer, three times"
    elseif not answer.unclear and (answer:code() ~= 437 or attempt == 3) then
      return answer
    end
    self:put_down(answer.client)
  end
  return answer
end

-- An Allocate on a fresh 5-tuple, with a valid token unless the description says otherwise.
-- reply.client goes on with it.
function hands:allocate(spec)
  return fresh(self, "Allocate", spec or {})
end

-- A Binding request on a fresh 5-tuple.
function hands:binding(spec)
  return fresh(self, "Binding", spec or { credentials = false })
end

-- A description of which nothing is judged but that it is served: without that the scenario is inconclusive, and nobody
-- needs to wait for it where it is known that there will be no answer (support/silence.lua).
local function as_preparation(spec)
  local copy = { preparation = true }
  for field, value in pairs(spec or {}) do copy[field] = value end
  return copy
end

-- An allocation that the scenario needs in order to ask its question; without one it is inconclusive.
function hands:allocation(spec)
  local answer = self:allocate(as_preparation(spec))
  local made = answer:is_success()
  if not made.ok then stop.inconclusive("no allocation to begin with: " .. (made.unclear or made.got)) end
  return answer.client, answer
end

local function merge(a, b)
  local merged = {}
  for key, value in pairs(a) do merged[key] = value end
  for key, value in pairs(b) do
    local both = type(value) == "table" and type(merged[key]) == "table" and not value.octets and #value == 0
    merged[key] = both and merge(merged[key], value) or value
  end
  return merged
end

-- The control of a refusal: a request without any defect, which the target must accept here and now, else nothing that
-- it refuses afterwards means anything and the scenario is inconclusive. The allocation is put down again.
-- with: method "Allocate" (default) on a fresh 5-tuple, or any other on a client (spec.on).
function hands:control(spec, method)
  spec = merge({ step = (method or "Allocate") .. " (control)" }, as_preparation(spec))
  method = method or "Allocate"
  local answer = spec.on and self:on(spec.on, method, spec) or fresh(self, method, spec)
  local accepted = answer:is_success()
  if not accepted.ok then
    stop.inconclusive("the control was not accepted: " .. (accepted.unclear or accepted.got))
  end
  if method == "Allocate" then self:put_down(answer.client) end
  return { spec = spec, method = method, answer = answer }
end

-- The control again, with one defect (fields of the description that change). Returns the reply.
function hands:with_defect(control, defect)
  local spec = merge(control.spec, defect)
  spec.preparation = nil
  spec.step = control.method .. " (with the defect)"
  local answer = spec.on and self:on(spec.on, control.method, spec) or fresh(self, control.method, spec)
  if control.method == "Allocate" then self:put_down(answer.client) end
  return answer
end

-- The control with one defect is refused with one of the codes. more: as in check. Returns the reply.
function hands:refused(requirement, control, defect, codes, more)
  local answer = self:with_defect(control, defect)
  codes = type(codes) == "table" and codes or { codes }
  self:check(requirement, answer:is_error(table.unpack(codes)), more)
  if answer:code() == 400 and codes[1] == 401 then
    self:note("%s%s: 400, which is as good as 401 here", requirement, more and more.label and " " .. more.label or "")
  end
  return answer
end

-- An Allocate that must be served; its allocation is put down again. more: as in check. Returns the reply.
function hands:accepted(requirement, spec, more)
  local answer = self:allocate(spec)
  self:check(requirement, answer:is_success(), more)
  self:put_down(answer.client)
  return answer
end

-- An Allocate whose outcome is only noted.
function hands:outcome_of(spec)
  local answer = self:allocate(spec)
  self:put_down(answer.client)
  return answer:describe()
end

-- One observation of a requirement. outcome: an expectation, or a boolean with more.expected and more.got.
-- more.soften = "AMB-08": a reading under which breaking it is a warning at most (false: none), or the requirement's
-- own id where the catalogue says how it softens; more.label: which of several observations of the requirement this
-- is. Returns whether it held.
function hands:check(requirement, outcome, more)
  more = more or {}
  local row = catalogue.by_id[requirement]
  if not row then error(("there is no requirement '%s' in the catalogue"):format(requirement), 2) end
  local declared = false
  for _, id in ipairs(self.scenario.covers) do declared = declared or id == requirement end
  if not declared then error(("checks %s, which `covers` does not declare"):format(requirement), 2) end
  if not expect.is(outcome) then
    outcome = expect.new(outcome, more.expected or row.text, more.got or (outcome and "it held" or "it did not"))
  end
  if more.soften and not catalogue.readings[more.soften] and not (more.soften == requirement and row.softened) then
    error(("softened by '%s', which is no reading of the catalogue"):format(tostring(more.soften)), 2)
  end
  local verdict = outcome.ok and "pass" or outcome.unclear and "inconclusive"
    or more.soften and "warn" or row.verdict
  local label = more.label
  local name = requirement .. (label and " " .. label or "")
  self.labels[name] = (self.labels[name] or 0) + 1
  if self.labels[name] > 1 then label = ("%s #%d"):format(label or "", self.labels[name]):match "^%s*(.*)$" end
  self.checks[#self.checks + 1] = {
    requirement = requirement, level = row.level, section = row.document .. " " .. row.section, verdict = verdict,
    label = label, expected = outcome.expected, got = outcome.unclear or outcome.got, text = row.text,
    soften = more.soften or nil, implied_by = row.implied_by, silent = outcome.silent and not outcome.ok or nil,
  }
  return outcome.ok
end

-- A check of a requirement, or, where that is nil because the catalogue has no row that says it, an outcome that makes
-- the verdict and cites nothing.
function hands:rule(requirement, outcome, more)
  if requirement then return self:check(requirement, outcome, more) end
  self.rulings[#self.rulings + 1] = {
    verdict = outcome.ok and "pass" or outcome.unclear and "inconclusive" or "fail",
    reason = ("expected %s; got %s"):format(outcome.expected, outcome.unclear or outcome.got),
  }
  return outcome.ok
end

-- Something worth knowing that has no verdict.
function hands:note(format, ...)
  self.notes[#self.notes + 1] = select("#", ...) > 0 and format:format(...) or format
end

-- Ends the scenario: nothing can be decided, and why.
function hands:inconclusive(reason)
  stop.inconclusive(reason)
end

-- Ends the scenario: it came too late, and why. It is run once more, alone, at a target that was started anew for it;
-- where that is not to be had, or was done already, it is inconclusive.
function hands:again(reason)
  stop.again(reason)
end

-- Ends the scenario: the target does not offer it, and why.
function hands:skip(reason)
  stop.skip(reason)
end

-- Does a datagram pass through the allocation of one client, to the profile's peer or to the allocation of another?
-- Returns an expectation, or nil where the server forbids the peer, which is then noted as left out.
function hands:relays(first, second)
  local outcome, reason = relay.datagram(self.bench, first, second)
  if not outcome then self:note("the relayed datagram is left out: %s", reason) end
  return outcome
end

-- An address for permissions: the profile's peer, or one of ours that need not answer.
function hands:peer(one)
  return self.profile.peer or { address = relay.own_address(one) or one.endpoint:address().address, port = 50000 }
end

-- Whether the target sees us under our own address: on this machine, or where the profile says so.
function hands:direct_path()
  if self.profile.direct_path ~= nil then return self.profile.direct_path end
  local address = self.bench.addresses[self.transport].address
  return self.profile.launch ~= nil or address:match "^127%." ~= nil or address == "::1"
end

-- Expectations about what must not pass: no datagram gets from one allocation to the other; none with an attribute that
-- nobody knows; no answer to a Send indication.
function hands:paths(first, second) return relay.paths(self.bench, first, second) end
function hands:drops_unknown(first, second) return relay.drops_unknown(self.bench, first, second) end
function hands:unanswered(one) return relay.unanswered(one) end

-- A Refresh with LIFETIME 0 for a client that has an allocation; its outcome is no one's business.
function hands:put_down(one)
  if one then one:put_down() end
end

-- After the scenario: allocations that are left are put down.
function hands:put_all_down()
  for _, one in ipairs(self.clients) do
    if not self.bench.dead then self:put_down(one) end
  end
end

-- At its end: sockets are closed.
function hands:finish()
  self:put_all_down()
  for _, one in ipairs(self.clients) do one:close() end
end

return hands
