-- SPDX-License-Identifier: BSD-3-Clause
--
-- The catalogue of requirements: what the documents demand, who owes it, how it can be observed, and the worst verdict
-- that breaking it may get. It joins the files beside it, refuses a row that is not as described below with an error
-- that names file and id, and returns { all = rows in order, by_id = rows by id, readings = the readings by id }.
-- It knows the text only: what an implementation does belongs to scenarios and profiles.
--
-- A row has
--   id          for good: number of the document, section, ordinal
--   document    as it is cited, with its section in section
--   level       MUST, MUST NOT, SHOULD, SHOULD NOT, RECOMMENDED, MAY; IMPLIED if stated without a word of RFC 2119
--   role        who owes it: server, client, as (authorization server), rs-as (STUN server and authorization server
--               between them), token (whoever seals or opens one)
--   text        the requirement in one sentence, as reports print it
--   observed    where a breach can be seen: probe (requests to a server under test), pcap (a capture),
--               fake-server and fake-AS (assay stands in for these before a client or server under test),
--               as-probe (requests to an authorization server), offline (octets alone); empty if nowhere
--   verdict     fail or warn
-- and may have
--   untestable  why observed is empty
--   needs_keys  true: to see it in a capture takes the long-term keys
--   alone       true: no other scenario may run beside its probe
--   reading     ids of the readings that bear on it
--   softened    how the verdict gives way
--   implied_by  id of the requirement whose verdict settles this one too, so that one cause is shown once

local FILES = { "rfc7635", "rfc5389", "rfc8489", "turn", "jose", "oauth", "3gpp" }

local function set(...)
  local members = {}
  for _, name in ipairs({ ... }) do
    members[name] = true
  end
  return members
end

local LEVELS = set("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "RECOMMENDED", "MAY", "IMPLIED")
local ROLES = set("server", "client", "as", "rs-as", "token")
local VERDICTS = set("fail", "warn")
local OBSERVED = set("probe", "pcap", "fake-server", "fake-AS", "as-probe", "offline")
local FIELDS = {
  id = "string", document = "string", section = "string", level = "string", role = "string", text = "string",
  observed = "table", verdict = "string", untestable = "string", needs_keys = "boolean", alone = "boolean",
  reading = "table", softened = "string", implied_by = "string",
}
local REQUIRED = { "document", "section", "level", "role", "text", "observed", "verdict" }

local function refuse(file, id, problem, ...)
  error(("requirements/%s.lua: %s: %s"):format(file, id, problem:format(...)), 0)
end

-- Fields a row cannot have are looked for first: a misspelt one would else be reported as missing, or not at all.
local function check_fields(file, id, row, fields)
  for name, value in pairs(row) do
    local expected = fields[name]
    if not expected then
      refuse(file, id, "unknown field %s", name)
    elseif type(value) ~= expected then
      refuse(file, id, "%s is a %s, expected a %s", name, type(value), expected)
    elseif value == "" then
      refuse(file, id, "%s is empty", name)
    elseif value == false then
      refuse(file, id, "%s is true or left out", name)
    end
  end
end

local function check_list(file, id, field, list, known)
  local seen, count = {}, 0
  for _ in pairs(list) do
    count = count + 1
  end
  if count ~= #list then
    refuse(file, id, "%s is not a list", field)
  end
  for _, name in ipairs(list) do
    if not known[name] then
      refuse(file, id, "unknown %s %s", field, name)
    elseif seen[name] then
      refuse(file, id, "%s has %s twice", field, name)
    end
    seen[name] = true
  end
  return seen
end

local function check_row(file, row, readings)
  local id = row.id
  check_fields(file, id, row, FIELDS)
  for _, name in ipairs(REQUIRED) do
    if row[name] == nil then
      refuse(file, id, "%s is missing", name)
    end
  end
  local number = id:match("^(%d+)%-[%w.]+%-%d%d$")
  if not number or row.document:gsub("%.", ""):match("%d+$") ~= number then
    refuse(file, id, "the id does not fit document %s", row.document)
  elseif not LEVELS[row.level] then
    refuse(file, id, "unknown level %s", row.level)
  elseif not ROLES[row.role] then
    refuse(file, id, "unknown role %s", row.role)
  elseif not VERDICTS[row.verdict] then
    refuse(file, id, "unknown verdict %s", row.verdict)
  end
  local observed = check_list(file, id, "observed", row.observed, OBSERVED)
  if (#row.observed == 0) ~= (row.untestable ~= nil) then
    refuse(file, id, "either observed says where or untestable says why not")
  elseif row.needs_keys and not observed.pcap then
    refuse(file, id, "needs_keys without pcap")
  elseif row.alone and not observed.probe then
    refuse(file, id, "alone without probe")
  end
  if row.reading then
    check_list(file, id, "reading", row.reading, readings)
    if #row.reading == 0 then
      refuse(file, id, "reading is empty")
    end
  end
end

local function load_readings()
  local readings = require("requirements.readings")
  for id, entry in pairs(readings) do
    if type(id) ~= "string" or not id:match("^AMB%-%d%d$") then
      refuse("readings", id, "the id is not of the form AMB-00")
    elseif type(entry) ~= "table" then
      refuse("readings", id, "is a %s, expected a table", type(entry))
    end
    check_fields("readings", id, entry, { title = "string", reading = "string" })
    if not entry.title or not entry.reading then
      refuse("readings", id, "title and reading are both required")
    end
  end
  return readings
end

local catalogue = { all = {}, by_id = {}, readings = load_readings() }
local home = {}

for _, file in ipairs(FILES) do
  for position, row in ipairs(require("requirements." .. file)) do
    if type(row) ~= "table" or type(row.id) ~= "string" then
      refuse(file, ("row %d"):format(position), "has no id")
    elseif home[row.id] then
      refuse(file, row.id, "the id is in requirements/%s.lua already", home[row.id])
    end
    check_row(file, row, catalogue.readings)
    home[row.id] = file
    catalogue.by_id[row.id] = row
    catalogue.all[#catalogue.all + 1] = row
  end
end

for _, row in ipairs(catalogue.all) do
  local cause = row.implied_by and catalogue.by_id[row.implied_by]
  if row.implied_by and not cause then
    refuse(home[row.id], row.id, "implied_by names %s, which does not exist", row.implied_by)
  elseif cause and (cause == row or cause.implied_by) then
    refuse(home[row.id], row.id, "implied_by names %s, which has no verdict of its own", row.implied_by)
  end
end

return catalogue
