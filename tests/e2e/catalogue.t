#!/usr/bin/env lua5.4
-- SPDX-License-Identifier: BSD-3-Clause
--
-- The catalogue of requirements: complete, printable as it stands, and loaded by a loader that refuses a row which is
-- not as it describes. Each refusal is provoked by one change to a row of the real catalogue.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local folder = here .. "/../../suites/"
package.path = folder .. "?.lua"

local FILES = { "rfc7635", "rfc5389", "rfc8489", "turn", "jose", "oauth", "3gpp", "readings" }

local count = 0
local failed = 0

local function ok(holds, name, problem)
  count = count + 1
  print(("%s %d - %s"):format(holds and "ok" or "not ok", count, name))
  if not holds then
    failed = failed + 1
    if problem then
      print("# " .. tostring(problem):gsub("\n", "\n# "))
    end
  end
end

local function is(got, expected, name)
  ok(got == expected, name, ("got %s, expected %s"):format(tostring(got), tostring(expected)))
end

-- No row may offend: says which did.
local function each(rows, name, offends)
  local offenders = {}
  for _, row in ipairs(rows) do
    local problem = offends(row)
    if problem then
      offenders[#offenders + 1] = ("%s: %s"):format(row.id, tostring(problem))
    end
  end
  ok(#offenders == 0, name, table.concat(offenders, "\n"))
end

-- Loads everything anew, and lets a change be made to the data of one file before the loader sees it.
local function load_catalogue(file, change)
  for _, name in ipairs(FILES) do
    package.loaded["requirements." .. name] = nil
  end
  package.loaded["requirements.catalogue"] = nil
  if file then
    local data = require("requirements." .. file)
    local row = data[1]
    for _, candidate in ipairs(data) do
      if candidate.id == "7635-7-09" then
        row = candidate
      end
    end
    change(row, data)
  end
  return require("requirements.catalogue")
end

local loaded, catalogue = pcall(load_catalogue)
ok(loaded, "the catalogue loads", catalogue)
if not loaded then
  print(("1..%d"):format(count))
  os.exit(1)
end

-- The counts: a requirement that is added or dropped on purpose changes them here too.
is(#catalogue.all, 207, "207 requirements")
local roles = {}
local documents = {}
for _, row in ipairs(catalogue.all) do
  roles[row.role] = (roles[row.role] or 0) + 1
  documents[row.document] = (documents[row.document] or 0) + 1
end
for role, expected in pairs({ as = 35, client = 47, ["rs-as"] = 21, server = 93, token = 11 }) do
  is(roles[role], expected, ("%d of role %s"):format(expected, role))
end
for document, expected in pairs({
  ["RFC 7635"] = 130, ["RFC 5389"] = 29, ["RFC 8489"] = 9, ["RFC 5766"] = 11, ["RFC 8656"] = 1, ["RFC 5116"] = 3,
  ["RFC 7515"] = 1, ["RFC 7518"] = 6, ["RFC 7519"] = 1, ["RFC 6749"] = 10, ["RFC 7525"] = 2, ["3GPP TS 33.203"] = 4,
}) do
  is(documents[document], expected, ("%d of %s"):format(expected, document))
end

-- What the loader promises, looked at without it.
local seen = {}
each(catalogue.all, "every id occurs once, and by_id finds its row", function(row)
  local twice = seen[row.id]
  seen[row.id] = true
  return twice and "twice" or catalogue.by_id[row.id] ~= row and "by_id has another row"
end)
each(catalogue.all, "every reading that a row cites exists", function(row)
  for _, id in ipairs(row.reading or {}) do
    if not catalogue.readings[id] then
      return id
    end
  end
end)
each(catalogue.all, "a row is observed somewhere or says why not", function(row)
  return (#row.observed > 0) == (row.untestable ~= nil) and "neither or both"
end)
each(catalogue.all, "no two rows say the same", function(row)
  local other = seen[row.text]
  seen[row.text] = row.id
  return other
end)
is(catalogue.by_id["7635-12-01"].implied_by, "7635-4-05", "the attribute type 0x802E is implied by 7635-4-05")
is(catalogue.by_id["7635-12-02"].implied_by, "7635-5-01", "the attribute type 0x001B is implied by 7635-5-01")

local readings = {}
for id, entry in pairs(catalogue.readings) do
  readings[#readings + 1] = { id = id, text = entry.reading, softened = entry.title }
end
table.sort(readings, function(a, b)
  return a.id < b.id
end)
is(#readings, 56, "56 readings")
each(readings, "the readings are numbered without a gap", function(reading)
  return readings[tonumber(reading.id:sub(-2))] ~= reading and "out of order"
end)

-- TAP and HTML take these sentences as they are: no line ends, nothing that TAP reads as a directive.
local function unprintable(row)
  for _, field in ipairs({ "text", "softened", "untestable" }) do
    local value = row[field] or ""
    if value:find("[^ -~]") or value:find("#", 1, true) or value:find("  ", 1, true) or value:match("^ ")
      or value:match(" $")
    then
      return value
    end
  end
  return not row.text:match("^[^a-z].*[^.]%.$") and row.text
end
each(catalogue.all, "every sentence is one printable line with a full stop", unprintable)
each(readings, "every reading is one printable line with a full stop", unprintable)

-- Suites run with few globals, and data needs none.
for _, file in ipairs(FILES) do
  local chunk = assert(loadfile(folder .. "requirements/" .. file .. ".lua", "t", {}))
  local runs, data = pcall(chunk)
  ok(runs and type(data) == "table", ("%s.lua is data and uses no globals"):format(file), data)
end
local few = {
  string = string, table = table, ipairs = ipairs, pairs = pairs, error = error, assert = assert, type = type,
  require = require,
}
local runs, again = pcall(assert(loadfile(folder .. "requirements/catalogue.lua", "t", few)))
ok(runs and #again.all == 207, "the loader needs no globals beyond those of a suite", again)

-- One change each, and the error that names file, id and fault.
local function refuses(name, file, expected, change)
  local accepted, problem = pcall(load_catalogue, file, change)
  if accepted then
    ok(false, "refused: " .. name, "it was loaded")
  else
    is(problem, ("requirements/%s.lua: %s"):format(file, expected), "refused: " .. name)
  end
end

local function refuses_field(field, value, problem)
  refuses(("%s = %s"):format(field, tostring(value)), "rfc7635", "7635-7-09: " .. problem, function(row)
    row[field] = value
  end)
end

refuses_field("role", "sever", "unknown role sever")
refuses_field("level", "must", "unknown level must")
refuses_field("verdict", "inconclusive", "unknown verdict inconclusive")
refuses_field("observed", { "probe", "fake-as" }, "unknown observed fake-as")
refuses_field("observed", { "probe", "probe" }, "observed has probe twice")
refuses_field("observed", { probe = true }, "observed is not a list")
refuses_field("observed", {}, "either observed says where or untestable says why not")
refuses_field("untestable", "no one looks", "either observed says where or untestable says why not")
refuses_field("observed", "probe", "observed is a string, expected a table")
refuses_field("reading", { "AMB-99" }, "unknown reading AMB-99")
refuses_field("reading", { "AMB-06", "AMB-06" }, "reading has AMB-06 twice")
refuses_field("reading", {}, "reading is empty")
refuses_field("implied_by", "7635-7-99", "implied_by names 7635-7-99, which does not exist")
refuses_field("implied_by", "7635-7-09", "implied_by names 7635-7-09, which has no verdict of its own")
refuses_field("implied_by", "7635-12-01", "implied_by names 7635-12-01, which has no verdict of its own")
refuses_field("document", "RFC 763", "the id does not fit document RFC 763")
refuses_field("text", "", "text is empty")
refuses_field("soften", "a little", "unknown field soften")
refuses_field("alone", false, "alone is true or left out")
for _, field in ipairs({ "document", "section", "level", "role", "text", "observed", "verdict" }) do
  refuses_field(field, nil, field .. " is missing")
end
refuses("a second row of one id", "rfc7635", "7635-7-09: the id is in requirements/rfc7635.lua already",
  function(row, data)
    data[#data + 1] = row
  end)
refuses("an id of another file", "jose", "7635-7-09: the id is in requirements/rfc7635.lua already", function(row)
  row.id = "7635-7-09"
end)
refuses("a malformed id", "turn", "5766-4-1: the id does not fit document RFC 5766", function(row)
  row.id = "5766-4-1"
end)
refuses("a row without an id", "rfc8489", "row 1: has no id", function(row)
  row.id = nil
end)
refuses("a row that is no table", "oauth", "row 2: has no id", function(_, data)
  data[2] = "6749-3.2-01"
end)
refuses("needs_keys without a capture", "rfc8489", "8489-9.2-01: needs_keys without pcap", function(row)
  row.needs_keys = true
end)
refuses("alone without a probe", "rfc7635", "7635-3-01: alone without probe", function(_, data)
  data[1].alone = true
end)
refuses("a reading without its text", "readings", "AMB-01: title and reading are both required", function(_, data)
  data["AMB-01"] = { title = "Base64" }
end)
refuses("a reading with a misspelt field", "readings", "AMB-57: unknown field titel", function(_, data)
  data["AMB-57"] = { titel = "Base64", reading = "Text." }
end)
refuses("a reading that is no table", "readings", "AMB-57: is a string, expected a table", function(_, data)
  data["AMB-57"] = "Text."
end)
refuses("a reading with a malformed id", "readings", "AMB-1: the id is not of the form AMB-00", function(_, data)
  data["AMB-1"] = { title = "Base64", reading = "Text." }
end)

print(("1..%d"):format(count))
os.exit(failed == 0)
