-- SPDX-License-Identifier: BSD-3-Clause
--
-- What came of one capture, as records: tables that become one line of JSON each, and from which every report is made.
-- A record says all that it is about, so that those of many captures can be put together in any order:
--
--     file         what was read, and how far
--     finding      a requirement broken: where, how often
--     note         what has no verdict
--     requirement  what became of each requirement that a capture can show

local catalogue = require "requirements.catalogue"
local json = require "json"
local verdict = require "support.verdict"

local records = {}

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

-- Why a requirement was not judged.
local function lack_of(row, outcome, known)
  if row.needs_keys and #known.keys == 0 then
    return "it takes the long-term keys of the server (--key KID:ALG:BASE64)"
  end
  if outcome.count.messages == 0 then return "there is no STUN in this capture" end
  return "no message in this capture is about it"
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

local function requirement_of(path, row, tally, outcome, known)
  local seen = tally[row.id]
  return {
    type = "requirement", requirement = row.id, file = path, role = row.role, level = row.level,
    verdict = seen and seen.verdict or "skip", held = seen and seen.held or 0, broken = seen and seen.broken or 0,
    reason = not seen and lack_of(row, outcome, known) or nil,
  }
end

local function file_of(path, outcome)
  local record = { type = "file", file = path, format = outcome.format, opaque = json.array(outcome.opaques) }
  for name, value in pairs(outcome.count) do record[name] = value end
  record.packets, record.damage = outcome.capture.packets, outcome.damage
  record.backwards, record.cut_packets = outcome.capture.backwards, outcome.capture.cut
  record.unknown_links = json.array(outcome.capture.links)
  return record
end

-- Of a capture at `path`: the outcome of audit.run and the judge that was asked.
function records.of(path, outcome, court, known)
  local list, tally = { file_of(path, outcome) }, {}
  for number, finding in ipairs(court.findings) do
    local counted = outcome.findings[number]
    if counted and finding.verdict == "note" then
      list[#list + 1] = place_of({ type = "note", text = finding.text, rule = finding.rule }, path, counted)
    elseif counted then
      local seen = tally[finding.requirement] or { held = 0, broken = 0 }
      tally[finding.requirement] = seen
      seen.verdict = verdict.worst(seen.verdict, finding.verdict)
      local kind = finding.verdict == "pass" and "held" or "broken"
      seen[kind] = seen[kind] + counted.count
      if finding.verdict ~= "pass" then list[#list + 1] = finding_of(path, finding, counted) end
    end
  end
  for _, row in ipairs(records.rows()) do
    list[#list + 1] = requirement_of(path, row, tally, outcome, known)
  end
  return list
end

-- Of a capture that could not be opened.
function records.unread(path, problem)
  return { { type = "file", file = path, packets = 0, messages = 0, damage = { text = problem, offset = 0 } } }
end

-- The comment on a packet on which findings were made: what it had, and a line for each.
function records.comment(court, numbers, text)
  local lines = { text }
  for _, number in ipairs(numbers) do
    local finding = court.findings[number]
    if finding and finding.row and finding.verdict ~= "pass" then
      lines[#lines + 1] = ("assay: %s %s: expected %s, got %s"):format(finding.verdict, finding.requirement,
        finding.expected or "that it holds", finding.got or "that it does not")
    end
  end
  return table.concat(lines, "\n")
end

return records
