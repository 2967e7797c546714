-- SPDX-License-Identifier: BSD-3-Clause
--
-- What the target leaves unanswered, remembered for all scenarios of a run. A target may answer Binding requests and
-- never an Allocate, or none any more, or none with a token: then each scenario would wait out the same silence again,
-- schedule after schedule, and those that run alone one behind the other.
--
-- A kind of request is a method, what it shows (nothing, a token, a password, a session key) and a transport. It counts
-- as quiet when, since the last answer to any request of it,
--   - three whole schedules in a row went without one, whoever asked: as many as a scenario waits for on its own; and
--   - a plain request of the kind, with nothing wrong or unusual in it, is not answered now either, while a Binding
--     request beside it is. So a target that is silent to one defect only is never taken for quiet: it answers this.
-- Then nobody waits any more for what is only a preparation, such as a challenge or a control: what depends on it is
-- inconclusive as it would have been, and says since when there was no answer. (For these the plain request is enough
-- where the same is quiet over another transport, and was never answered over this one.) Nor for what the target once
-- answered and does not any more: it may have had enough of us, which no text forbids, and is judged where it fell
-- silent, by the scenario that waited for schedules of its own. But where it never answered such a request, the silence
-- is the observation: the request is sent, waited for as shortly as the plain one, and judged with what is known. The
-- plain request is sent again as long as somebody asks, and any answer ends it all.

local clock = require "clock"
local net = require "net"
local relay = require "support.relay"

local silence = {}
silence.__index = silence

local SCHEDULES <const> = 3 -- in a row, each after the end of the one before: a gap of the network is shorter
local SENDS <const> = 3 -- of a plain request: 3.5 s with the RTO of RFC 5389
local FRESH <const>, STALE <const> = 1 / 4, 2 -- schedules for which it is not asked again: at first, and at last

local shown = {
  none = "without credentials", token = "with a token", user = "with a password", session = "under a session key",
}
local methods = { Allocate = true, Refresh = true, CreatePermission = true, ChannelBind = true }

-- bench: support/bench.lua, with its schedule.
function silence.new(bench)
  local schedule = bench.retransmission
  local short = { rto = schedule.rto, rc = math.min(SENDS, schedule.rc), rm = math.min(1 << (SENDS - 1), schedule.rm) }
  local _, last = net.retransmissions(short)
  short.total, short.tcp_timeout = last, last
  return setmetatable({
    bench = bench, short = short, began = clock.monotonic(),
    kinds = {}, -- by name: those that are not answered
    answers = {}, -- by name: when the last one came
  }, silence)
end

-- The kind of a request of a client: { name =, method =, shows = }; nil of one that is not looked at here. Whether
-- Binding is answered tells whether the target lives, which is the harness's to ask.
function silence:kind(one, request)
  local method, spec = request.method, request.spec
  if not methods[method] then return nil end
  local shows = request.token and "token" or spec.user and "user" or spec.credentials == false and "none" or "session"
  if shows == "token" and not self.bench.profile.third_party then return nil end -- it is an unknown attribute there
  if method == "Allocate" and shows == "session" then return nil end
  return { method = method, shows = shows, name = ("%s %s over %s"):format(method, shown[shows], one.way) }
end

-- An answer came, whichever.
function silence:answered(kind)
  self.kinds[kind.name], self.answers[kind.name] = nil, clock.monotonic()
end

local function remember(self, kind)
  local one = self.kinds[kind.name]
    or { method = kind.method, shows = kind.shows, count = 0, ended = self.answers[kind.name] or 0 }
  self.kinds[kind.name] = one
  return one
end

-- None came for a whole schedule, that began then. where: the id of the scenario, if there is one.
function silence:unanswered(kind, began, where)
  local one = remember(self, kind)
  if began < one.ended then return end -- beside an answer, or beside one that is counted already
  one.count, one.ended, one.where = one.count + 1, clock.monotonic(), where or one.where or "passing"
end

-- Of a target that was started anew nothing is said before it was asked anew, unless that has shown the same before.
function silence:started_anew()
  for _, one in pairs(self.kinds) do
    if one.trust and one.trust < STALE then one.asked = nil end
  end
end

-- An address for a permission that nobody makes use of.
local function some_peer(bench, one)
  return bench.profile.peer or { address = relay.own_address(one) or one.endpoint:address().address, port = 50002 }
end

-- The plain request of a kind, on a client of its own. The reply; nil where it cannot be made.
local function ask_plainly(self, kind, one)
  local user = kind.shows == "user" and self.bench.profile.users[1] or nil
  local step = kind.method .. ", to see whether such is answered"
  if kind.shows == "none" then
    return one:request(kind.method, { credentials = false, step = step })
  elseif kind.method == "Allocate" then
    return one:request("Allocate", { user = user, step = step })
  end
  local made = one:request("Allocate", { user = user, step = "an allocation, to ask with" })
  if not made or not one.allocated then return nil end
  return one:request(kind.method, {
    user = user, token = kind.shows == "token" and one.token or false, step = step,
    lifetime = kind.method == "Refresh" and 0 or nil, channel = kind.method == "ChannelBind" and 0x4000 or nil,
    peer = kind.method ~= "Refresh" and some_peer(self.bench, one) or nil,
  })
end

-- Room for the allocation that a plain request may make; nil where none is needed, false where the profile leaves none.
-- An Allocate stands in the place of that which the asker was about to send, and which has its room.
local function room_for(self, kind, asker)
  local limits = self.bench.limits
  if kind.shows == "none" or kind.method == "Allocate" and not asker.allocated then return nil end
  if not limits:try(1) then return false end
  return setmetatable({}, { __close = function() limits:release(1) end })
end

-- Whether a plain request of the kind is left unanswered, and a Binding request beside it is not.
local function is_quiet(self, kind, asker)
  local room <close> = room_for(self, kind, asker)
  local one = room ~= false and asker.open(self.bench, asker.record, asker.way, self.short.total)
  if not one then return false end
  one.hurry = self.short
  local answer = ask_plainly(self, kind, one)
  if one.allocated then
    one:request("Refresh", { lifetime = 0, user = one.user, token = one.token or false,
      step = "putting down the allocation" })
  end
  one:close()
  if not answer or not answer.silent then return false end
  local binding = asker.open(self.bench, asker.record, asker.way, self.short.total)
  if not binding then return false end
  binding.hurry, binding.step = self.short, "Binding, beside a request that is not answered"
  local alive = binding:transact(binding:craft("Binding", { credentials = false }))
  binding:close()
  return alive.message ~= nil
end

-- Whether the same is known to be quiet over another transport, and was never answered over this one.
local function is_known_elsewhere(self, kind)
  if self.answers[kind.name] then return false end
  for _, one in pairs(self.kinds) do
    local is_same = one.method == kind.method and one.shows == kind.shows
    if is_same and one.trust and one.count >= SCHEDULES then return true end
  end
  return false
end

-- What is known, for a person.
function silence:describe(kind, known)
  local last = self.answers[kind.name]
  local whole = "as over another transport, none came to"
  if known.count > 0 then
    whole = ("%d whole schedule%s in a row brought none (the last in %s, until +%.0f s), nor did"):format(known.count,
      known.count == 1 and "" or "s", known.where, known.ended - self.began)
  end
  return ("the target answers no %s%s: %s a plain request at +%.0f s, while Binding is answered"):format(kind.name,
    last and (" any more, since +%.0f s"):format(last - self.began) or "", whole, known.asked - self.began)
end

-- What is known of a kind that is quiet; nil where an answer is waited for as ever. asker: the client whose request
-- it is; preparation: nothing is judged by the answer. Returns { why = in words, spared = nothing needs to be sent }:
-- where something does, it is waited for shortly, and its silence counts. It costs nothing before the schedules are
-- full, and from then on a plain request now and then, ever more rarely.
function silence:of(kind, asker, preparation)
  local known = self.kinds[kind.name]
  local full = known and known.count >= SCHEDULES or preparation and is_known_elsewhere(self, kind)
  if not full then return nil end
  known = remember(self, kind)
  local patience = self.bench.retransmission.total
  if not known.asked or clock.monotonic() - known.asked > known.trust * patience then
    local quiet = is_quiet(self, kind, asker)
    -- It may have been answered meanwhile, to whomever.
    if not quiet or self.kinds[kind.name] ~= known then return nil end
    known.asked, known.trust = clock.monotonic(), known.trust and math.min(2 * known.trust, STALE) or FRESH
  end
  return { why = self:describe(kind, known), spared = preparation or self.answers[kind.name] ~= nil }
end

return silence
