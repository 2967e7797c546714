-- SPDX-License-Identifier: BSD-3-Clause
--
-- The records of many captures (suites/support/audit/records.lua) put together, one after the other: what became of
-- each requirement, findings that say the same as one, and what was counted as sums. What it keeps does not grow with
-- the captures, but for their names. Given the same records in the same order it is the same, wherever they were made.

local catalogue = require "requirements.catalogue"

local gather = {}
gather.__index = gather

local VARIANTS <const> = 12 -- of a finding, told one by one
local PLACES <const> = 8 -- of a variant
local NOTES <const> = 200
local PARTIES <const> = 4096

local worse = { skip = 1, pass = 2, warn = 3, inconclusive = 4, fail = 5 }

local function entry_of(row)
  return { id = row.id, row = row, verdict = "skip", held = 0, broken = 0, groups = {}, group = {} }
end

-- rows: the requirements that captures can show, of the catalogue.
function gather.new(rows)
  local self = setmetatable({ requirements = {}, by_id = {}, files = {}, damaged = {}, notes = {}, parties = {},
    methods = {}, names = {}, keys = {}, reuses = {}, index = {}, opaque = {}, privacy = {}, left = {},
    implied = {}, counts = {}, more_notes = 0, more_parties = 0, keys_given = 0, unread = 0 }, gather)
  for i, row in ipairs(rows) do
    local one = entry_of(row)
    self.requirements[i], self.by_id[row.id] = one, one
  end
  return self
end

-- The entry of that key in the list of that name, which begins as `fresh`; nil when there are `most` already.
function gather:entry(list, key, fresh, most)
  local known = self.index[list] or {}
  self.index[list] = known
  local entry = known[key]
  if not entry and (not most or #self[list] < most) then
    entry = fresh
    known[key] = entry
    self[list][#self[list] + 1] = entry
  end
  return entry
end

local function add(sums, record, ...)
  for _, name in ipairs { ... } do sums[name] = (sums[name] or 0) + (record[name] or 0) end
end

local function least(a, b) return a and b and math.min(a, b) or a or b end
local function most(a, b) return a and b and math.max(a, b) or a or b end

local takes = {}

function takes.file(self, record)
  self.files[#self.files + 1] = record.file
  add(self.counts, record, "packets", "messages", "channel_data", "flows", "malformed", "channel_unbound", "crowded",
    "cut", "cut_packets", "fragments_lost", "stream_lost", "unanswered", "tls", "tls_opaque", "backwards")
  self.keys_given = math.max(self.keys_given, record.keys or 0)
  self.interrupted = self.interrupted or record.interrupted
  if record.unread then self.unread = self.unread + 1 end
  self.format = record.format
  self.unknown_links = self.unknown_links or #(record.unknown_links or {}) > 0
  local worth = record.damage or (record.backwards or 0) > 0 or (record.cut_packets or 0) > 0
    or (record.crowded or 0) > 0 or #(record.unknown_links or {}) > 0
  if worth then self.damaged[#self.damaged + 1] = record end
  for _, opaque in ipairs(record.opaque or {}) do
    -- The random of each connection makes no difference.
    local kind = opaque.reason:gsub("%x%x%x%x%x%x%x%x+", "")
    local one = self:entry("opaque", kind, { reason = opaque.reason, count = 0, first = opaque.flow,
      file = record.file }, NOTES)
    if one then one.count = one.count + 1 end
  end
end

function takes.traffic(self, record)
  local key = ("%s %s %s"):format(record.client, record.server, record.transport)
  local one = self:entry("parties", key, { client = record.client, server = record.server,
    transport = record.transport, first_frame = record.first_frame, last_frame = record.last_frame }, PARTIES)
  if not one then
    self.more_parties = self.more_parties + 1
    return
  end
  add(one, record, "flows", "messages", "channel_data")
  one.first_time, one.last_time = least(one.first_time, record.first_time), most(one.last_time, record.last_time)
end

function takes.method(self, record)
  local one = self:entry("methods", record.method, { method = record.method, outcomes = {}, buckets = {} })
  add(one, record, "requests", "repeated", "indications", "answers", "unanswerable", "latencies")
  for code, count in pairs(record.outcomes) do one.outcomes[code] = (one.outcomes[code] or 0) + count end
  for _, pair in ipairs(record.buckets or {}) do
    one.buckets[pair[1]] = (one.buckets[pair[1]] or 0) + pair[2]
  end
  one.longest = most(one.longest, record.longest)
end

local function add_hosts(one, record)
  one.host = one.host or {}
  for _, host in ipairs(record.hosts) do
    if not one.host[host] then one.host[host], one.hosts[#one.hosts + 1] = true, host end
  end
  one.more_hosts = one.more_hosts or record.more_hosts
end

function takes.name(self, record)
  local one = self:entry("names", record.kind .. " " .. record.value,
    { kind = record.kind, value = record.value, hosts = {} }, PARTIES)
  if not one then return end
  add(one, record, "messages", "clear", "flows", "clear_flows")
  add_hosts(one, record)
end

function takes.key(self, record)
  local one = self:entry("keys", record.kid, { kid = record.kid }, PARTIES)
  if not one then return end
  add(one, record, "requests", "opened", "refused", "unknown", "sealed")
  one.algorithm = one.algorithm or record.algorithm
  one.least, one.most = least(one.least, record.least), most(one.most, record.most)
end

function takes.reuse(self, record)
  if #self.reuses < NOTES then self.reuses[#self.reuses + 1] = record end
end

function takes.privacy(self, record)
  add(self.privacy, record, "tokens_clear", "linking", "reuses", "mac_keys", "keys", "passwords")
  if record.first_secret and not self.privacy.first_secret then
    self.privacy.first_secret, self.privacy.file = record.first_secret, record.file
  end
end

function takes.left(self, record)
  for name, count in pairs(record.without_room) do self.left[name] = (self.left[name] or 0) + count end
end

function takes.note(self, record)
  local one = self:entry("notes", record.text, { text = record.text, file = record.file, frame = record.frames[1],
    count = 0, about = record.about, files = 0 }, NOTES)
  if not one then
    self.more_notes = self.more_notes + 1
    return
  end
  one.count, one.files = one.count + record.count, one.files + 1
end

-- One that only repeats what another tells is held ready, for where that one was not broken.
function gather:requirement(id)
  local one = self.by_id[id]
  local row = not one and catalogue.by_id[id]
  if not row then return one end
  one = entry_of(row)
  self.by_id[id], self.implied[#self.implied + 1] = one, one
  return one
end

function takes.requirement(self, record)
  local one = self:requirement(record.requirement)
  if not one then return end
  one.held, one.broken = one.held + record.held, one.broken + record.broken
  if worse[record.verdict] > worse[one.verdict] then one.verdict = record.verdict end
end

local function variant_of(group, record)
  local key = ("%s\0%s"):format(record.expected or "", record.got or "")
  local one = group.variant[key]
  if not one and #group.variants < VARIANTS then
    one = { expected = record.expected, got = record.got, count = 0, file = record.file, frames = record.frames,
      flows = record.flows, more_flows = record.more_flows, offset = record.offset, files = 0 }
    group.variant[key] = one
    group.variants[#group.variants + 1] = one
  end
  return one
end

-- Findings that differ only in what was got are told together.
function takes.finding(self, record)
  local requirement = self:requirement(record.requirement)
  if not requirement then return end
  local key = table.concat({ record.verdict, record.label or "", record.softened or "", record.rule or "" }, "\0")
  local group = requirement.group[key]
  if not group then
    group = { verdict = record.verdict, label = record.label, softened = record.softened, count = 0, variants = {},
      variant = {}, others = 0, exchange = record.exchange, file = record.file }
    requirement.group[key] = group
    requirement.groups[#requirement.groups + 1] = group
  end
  group.count = group.count + record.count
  local variant = variant_of(group, record)
  if not variant then
    group.others = group.others + record.count
    return
  end
  variant.count, variant.files = variant.count + record.count, variant.files + 1
  if variant.file ~= record.file then variant.more_flows = variant.more_flows or #record.flows > 0 end
  if #variant.frames > PLACES then variant.frames = table.move(variant.frames, 1, PLACES, 1, {}) end
end

-- Takes in one record. false when it is of a type that is not known.
function gather:add(record)
  local take = takes[record.type]
  if take then take(self, record) end
  return take ~= nil
end

-- The latency that this part of the answers did not exceed, in microseconds.
function gather.quantile(method, part)
  local starts = {}
  for start in pairs(method.buckets) do starts[#starts + 1] = start end
  table.sort(starts)
  local seen = 0
  for _, start in ipairs(starts) do
    seen = seen + method.buckets[start]
    if seen >= part * method.latencies then return start end
  end
  return nil
end

-- Why a requirement was not judged.
function gather:lack(one)
  if (self.counts.messages or 0) == 0 then
    return (self.counts.tls_opaque or 0) > 0 and "what was said is encrypted, and its secrets are not known (--keylog)"
      or (self.counts.cut_packets or 0) > 0 and "the capture did not keep enough of the packets (snap length)"
      or (self.counts.packets or 0) == 0 and self.unread > 0 and "nothing could be read"
      or self.unknown_links and "no STUN was found, and packets of some link types are not decoded"
      or "no STUN was found"
  end
  if one.row.needs_keys and self.keys_given == 0 then
    return "it takes the long-term keys of the server (--key KID:ALG:BASE64)"
  end
  return "no message is about it, or none that is certain"
end

local function is_broken(one) return one and (one.verdict == "fail" or one.verdict == "warn") end

-- The last record of a report. No record may be added behind it.
function gather:summary()
  for _, one in ipairs(self.implied) do
    if is_broken(one) and not is_broken(self.by_id[one.row.implied_by]) then
      self.requirements[#self.requirements + 1] = one
    end
  end
  self.implied = {}
  local summary = { type = "summary", pass = 0, fail = 0, warn = 0, inconclusive = 0, skip = 0, files = #self.files,
    damaged = 0, unread = self.unread, interrupted = self.interrupted or nil, packets = self.counts.packets or 0,
    messages = self.counts.messages or 0, channel_data = self.counts.channel_data or 0,
    flows = self.counts.flows or 0, crowded = self.counts.crowded or 0 }
  for _, one in ipairs(self.requirements) do summary[one.verdict] = summary[one.verdict] + 1 end
  for _, file in ipairs(self.damaged) do
    if file.damage then summary.damaged = summary.damaged + 1 end
  end
  return summary
end

return gather
