-- SPDX-License-Identifier: BSD-3-Clause
--
-- What came of one capture, as records: tables that become one line of JSON each, and from which every report is made.
-- A record says all that it is about, so that those of many captures can be put together:
--
--     file         what was read, and how far
--     traffic      who talked to whom
--     method       requests and answers of one method, and how long these took
--     name         a user name, realm, server name or software, and whether it could be read on the way
--     key          the tokens of one kid
--     privacy      what else could be read on the way;  reuse: one token that came from several addresses
--     finding      a requirement broken: where, how often
--     note         what has no verdict
--     requirement  a requirement that the capture showed, and what became of it

local catalogue = require "requirements.catalogue"
local escape = require "reports.escape"
local json = require "json"
local verdict = require "support.verdict"

local records = {}

local NAME <const> = 763 -- octets of a value that are told

local function frames_of(places)
  local frames = json.array {}
  for i, place in ipairs(places) do frames[i] = place.frame end
  return frames
end

local function place_of(record, path, counted)
  record.file, record.count = path, counted.count
  record.frames, record.offset = frames_of(counted.places), counted.places[1].offset
  record.flows, record.more_flows = json.array(counted.flows), counted.more_flows or nil
  return record
end

local function finding_of(path, finding, counted)
  local row = finding.row
  local got = finding.got or "it does not hold"
  return place_of({
    type = "finding", requirement = row.id, verdict = finding.verdict, role = row.role, level = row.level,
    section = row.document .. " " .. row.section, label = finding.label, expected = finding.expected, got = got,
    softened = finding.soften, rule = finding.rule, exchange = json.array(finding.exchange or {}),
    reason = finding.expected and ("expected %s, got %s"):format(finding.expected, got) or got,
  }, path, counted)
end

-- What a capture can show: rows of the catalogue, each verdict counted once.
function records.rows()
  local rows = {}
  for _, row in ipairs(catalogue.all) do
    for _, where in ipairs(row.observed) do
      if where == "pcap" and not row.implied_by then rows[#rows + 1] = row end
    end
  end
  return rows
end

local function file_of(path, outcome, known)
  local record = { type = "file", file = path, format = outcome.format, opaque = json.array(outcome.opaques),
    keys = #known.keys, interrupted = outcome.interrupted or nil }
  for name, value in pairs(outcome.count) do record[name] = value end
  local capture = outcome.capture
  record.packets, record.damage = capture.packets, outcome.damage
  record.backwards, record.cut_packets = capture.backwards, capture.cut
  if capture.backwards > 0 then
    record.backwards_frame, record.backwards_offset = capture.backwards_frame, capture.backwards_offset
  end
  if capture.cut > 0 then record.cut_frame = capture.cut_frame end
  record.unknown_links = json.array(capture.links)
  return record
end

local function is_empty(left)
  for _, count in pairs(left) do
    if count > 0 then return false end
  end
  return true
end

-- What was counted (engine/lua/audit_tally.c), a record each.
local function add_tally(list, path, tally)
  local function add(kind, record)
    record.type, record.file = kind, path
    list[#list + 1] = record
  end
  for _, party in ipairs(tally.parties) do add("traffic", party) end
  for _, method in ipairs(tally.methods) do
    if method.buckets then
      for i, pair in ipairs(method.buckets) do method.buckets[i] = json.array(pair) end
      method.buckets = json.array(method.buckets)
    end
    add("method", method)
  end
  for _, name in ipairs(tally.names) do
    name.value, name.octets, name.hosts = escape.printable(name.octets, NAME), nil, json.array(name.hosts)
    add("name", name)
  end
  for _, key in ipairs(tally.keys) do
    key.kid = escape.printable(key.kid, NAME)
    add("key", key)
  end
  for _, reuse in ipairs(tally.reuses) do
    reuse.kid, reuse.hosts = escape.printable(reuse.kid, NAME), json.array(reuse.hosts)
    add("reuse", reuse)
  end
  if not is_empty(tally.privacy) then add("privacy", tally.privacy) end
  if not is_empty(tally.left) then add("left", { without_room = tally.left }) end
end

local function plural(count, word) return ("%d %s%s"):format(count, word, count == 1 and "" or "s") end

-- Keys that open nothing are more often a slip of whoever audits than of whoever is audited.
local function add_key_notes(list, path, tally, known)
  if #known.keys == 0 then return end
  local function say(count, frame, format, ...)
    list[#list + 1] = { type = "note", file = path, text = format:format(...), about = "keys", count = count,
      frames = json.array { frame }, flows = json.array {} }
  end
  local unknown, unnamed, names, kids = 0, 0, {}, {}
  for _, key in ipairs(tally.keys) do
    if key.opened == 0 and key.refused > 0 then
      say(key.refused, key.first_refused,
        "no token opened under the key of kid %s: %s; is it the right key (--key), and the server's name right "
          .. "(--server-name)?", key.kid, plural(key.refused, "token"))
    elseif key.opened == 0 and key.unknown > 0 then
      unknown, kids[#kids + 1] = unknown + key.unknown, key.kid == "" and "(none)" or key.kid
    elseif key.opened == 0 and key.sealed > 0 then
      unnamed, names[#names + 1] = unnamed + key.sealed, key.kid
    end
  end
  local function first(values)
    local more = #values > 5 and (" and %d more"):format(#values - 5) or ""
    return table.concat(values, ", ", 1, math.min(#values, 5)) .. more
  end
  if unknown > 0 then
    say(unknown, nil, "no key was given (--key) for %s of kid %s", plural(unknown, "token"), first(kids))
  end
  if unnamed > 0 then
    say(unnamed, nil, "no 401 tells the name of the server before %s of kid %s, so they could not be opened; "
      .. "--server-name tells it", plural(unnamed, "token"), first(names))
  end
end

local function add_verdicts(list, path, outcome, court)
  local tally, order = {}, {}
  for number, finding in ipairs(court.findings) do
    local counted = outcome.findings[number]
    if counted and finding.verdict == "note" then
      list[#list + 1] = place_of({ type = "note", text = finding.text, rule = finding.rule }, path, counted)
    elseif counted then
      local id = finding.requirement
      if not tally[id] then tally[id], order[#order + 1] = { held = 0, broken = 0 }, id end
      local seen = tally[id]
      seen.verdict = verdict.worst(seen.verdict, finding.verdict)
      local kind = finding.verdict == "pass" and "held" or "broken"
      seen[kind] = seen[kind] + counted.count
      if finding.verdict ~= "pass" then list[#list + 1] = finding_of(path, finding, counted) end
    end
  end
  table.sort(order)
  for _, id in ipairs(order) do
    local row, seen = catalogue.by_id[id], tally[id]
    list[#list + 1] = { type = "requirement", requirement = id, file = path, role = row.role, level = row.level,
      verdict = seen.verdict, held = seen.held, broken = seen.broken, implied_by = row.implied_by }
  end
end

-- Of a capture at `path`: the outcome of audit.run and the judge that was asked.
function records.of(path, outcome, court, known)
  local list = { file_of(path, outcome, known) }
  add_tally(list, path, outcome.tally)
  add_key_notes(list, path, outcome.tally, known)
  add_verdicts(list, path, outcome, court)
  return list
end

-- Of a capture that could not be opened.
function records.unread(path, problem)
  return { { type = "file", file = path, unread = true, packets = 0, messages = 0,
    damage = { text = problem, offset = 0 } } }
end

local ORDER <const> = { "type", "requirement", "verdict", "file", "frames", "offset", "count", "flows", "reason" }

-- The record as a line of JSON, without its end. The same record always gives the same line.
function records.line(record)
  return escape.ascii_json(json.encode(record, ORDER))
end

-- The comment on a packet on which findings were made: what it had, and a line for each.
function records.comment(court, findings, text)
  local lines = { text }
  for _, one in ipairs(findings) do
    local finding = court.findings[one.finding]
    if finding and finding.row and finding.verdict ~= "pass" then
      local elsewhere = one.frame and (" (the message of frame %d)"):format(one.frame) or ""
      lines[#lines + 1] = ("assay: %s %s: expected %s, got %s%s"):format(finding.verdict, finding.requirement,
        finding.expected or "that it holds", finding.got or "that it does not", elsewhere)
    end
  end
  return table.concat(lines, "\n")
end

return records
