-- SPDX-License-Identifier: BSD-3-Clause
--
-- assay report --merge: what audits of different captures wrote as JSON, put together as if one audit had read all of
-- them. It takes the lines as they are, in the order of the captures, and counts anew.

local catalogue = require "requirements.catalogue"
local escape = require "reports.escape"
local json = require "json"
local records = require "support.audit.records"
local report = require "reports.audit"
local system = require "system"

local merge = {}

local USAGE <const>, NOT_WRITTEN <const> = 2, 4
local LIMIT <const> = 1 << 30 -- octets of one result

local function complain(status, format, ...)
  system.write(2, "assay: " .. escape.printable(format:format(...), 500) .. "\n")
  return status
end

local PROPER <const> = {
  file = { packets = "number", messages = "number" },
  traffic = { client = "string", server = "string", transport = "string", flows = "number", messages = "number",
    channel_data = "number", first_time = "number", last_time = "number", first_frame = "number",
    last_frame = "number" },
  method = { method = "string", outcomes = "table", requests = "number" },
  name = { kind = "string", value = "string", messages = "number", clear = "number", hosts = "table" },
  key = { kid = "string", requests = "number", opened = "number", refused = "number", sealed = "number",
    unknown = "number" },
  privacy = {}, left = { without_room = "table" },
  reuse = { kid = "string", hosts = "table", first_frame = "number" },
  note = { text = "string", count = "number", frames = "table" },
  finding = { requirement = "string", verdict = "string", count = "number", frames = "table", flows = "table",
    exchange = "table" },
  requirement = { requirement = "string", verdict = "string", held = "number", broken = "number" },
}
local VERDICTS <const> = { pass = true, warn = true, fail = true, inconclusive = true }

-- What is wrong with a record, nil when nothing is.
local function flaw_of(record)
  local proper = type(record) == "table" and PROPER[record.type]
  if not proper then return "no record of an audit (as `assay audit --format json` writes them)" end
  if type(record.file) ~= "string" then return "a record that does not name its capture" end
  for name, kind in pairs(proper) do
    if type(record[name]) ~= kind then
      return ("a record of type %s in which '%s' is no %s"):format(record.type, name, kind)
    end
  end
  local id = record.requirement
  if id and not catalogue.by_id[id] then
    return ("the requirement '%s', which this version does not know"):format(report.printable(id, 60))
  end
  if record.verdict and not VERDICTS[record.verdict] then
    return ("the verdict '%s', which is none"):format(report.printable(record.verdict, 60))
  end
  return nil
end

-- Adds the captures of one result to `captures` (name -> lines and records) and `names`. true and whether it was
-- interrupted; nil, text.
local function take(path, captures, names)
  local text, problem = system.read(path == "-" and "/dev/stdin" or path, LIMIT)
  if not text then return nil, problem end
  local number, summary, current = 0, nil, nil
  local function bad(format, ...) return nil, ("%s, line %d: %s"):format(path, number, format:format(...)) end
  for line in text:gmatch "[^\n]+" do
    number = number + 1
    if summary then return bad "something behind the summary; one result a file is expected" end
    local record, why = json.decode(line)
    if record == nil then return bad("%s", why) end
    if type(record) == "table" and record.type == "summary" then
      summary = record
    else
      local flaw = flaw_of(record)
      if flaw then return bad("%s", flaw) end
      if record.type == "file" then
        local before = captures[record.file]
        if before then
          return bad("the capture %s is also in %s, line %d, and would count twice", report.printable(record.file, 400),
            before.path, before.number)
        end
        current = { path = path, number = number, lines = {}, records = {} }
        captures[record.file], names[#names + 1] = current, record.file
      elseif not current or captures[record.file] ~= current then
        return bad("a record of %s that stands outside of it", report.printable(record.file, 400))
      end
      current.lines[#current.lines + 1], current.records[#current.records + 1] = line, record
    end
  end
  if number == 0 then return nil, ("%s: it is empty, and no result of an audit"):format(path) end
  if not summary then
    return bad "the result ends here without its summary: it was cut off, or is still being written"
  end
  return true, summary.interrupted
end

function merge.main(options)
  if not options.merge then return complain(USAGE, "assay report: --merge is expected; --help tells more") end
  if options.format and not report.is_form(options.format) then
    return complain(USAGE, "--format is pretty, tap or json, not '%s'", options.format)
  end
  if #options.files == 0 then return complain(USAGE, "the JSON results of audits are expected behind --merge") end
  local captures, names, interrupted = {}, {}, false
  for _, path in ipairs(options.files) do
    local ok, what = take(path, captures, names)
    if not ok then return complain(USAGE, "%s", what) end
    interrupted = interrupted or what
  end
  table.sort(names)
  local out = report.new(records.rows(), options)
  for _, name in ipairs(names) do
    if not out:capture(captures[name].records, captures[name].lines) then break end
    captures[name] = false
  end
  out.gathered.interrupted = out.gathered.interrupted or interrupted or nil
  local ok, summary = out:finish()
  if not ok then return complain(NOT_WRITTEN, "the report cannot be written: %s", summary) end
  return report.status(summary, options.strict)
end

return merge
