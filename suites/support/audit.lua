-- SPDX-License-Identifier: BSD-3-Clause
--
-- assay audit: the traffic in captures judged by the rules for every message. Each capture is read once and by itself
-- (audit/judge.lua); what came of it are records (audit/records.lua), from which all reports are made.

local audit = require "audit"
local bytes = require "bytes"
local files = require "support.audit.files"
local judge = require "support.audit.judge"
local records = require "support.audit.records"
local report = require "reports.audit"
local secrets = require "support.secrets"
local suites = require "support.suites"
local system = require "system"
local token = require "token"

local main = {}

local NOTHING_FAILED, FAILED, USAGE, NO_VERDICT, NOT_WRITTEN = 0, 1, 2, 3, 4

local function complain(status, format, ...)
  system.write(2, "assay: " .. format:format(...) .. "\n")
  return status
end

-- The keys of the command line as octets; nil, text where one does not fit its algorithm.
local function keys_of(options)
  local lines, problem = secrets.keys(options.keys)
  if not lines then return nil, problem end
  local keys = {}
  for i, line in ipairs(lines) do
    local octets, bad = bytes.unbase64(line.key)
    if not octets then return nil, ("--key: number %d: %s"):format(i, bad) end
    local fits, why = token.check_key(line.algorithm, octets)
    if not fits then return nil, ("--key: number %d: %s"):format(i, why) end
    keys[i] = { kid = line.kid, algorithm = line.algorithm, octets = octets }
  end
  return keys
end

-- What whoever audits knows and wants; nil, text when the command line is wrong.
local function known_from(options)
  local keys, problem = keys_of(options)
  if not keys then return nil, problem end
  local users, bad = secrets.users(options.users)
  if not users then return nil, bad end
  local keylogs = {}
  for i, path in ipairs(options.keylogs) do
    local text, why = system.read(path)
    if not text then return nil, "--keylog: " .. why end
    keylogs[i] = text
  end
  return {
    keys = keys, users = users, keylogs = keylogs, server_name = options.server_name,
    delta = math.tointeger(options.delta or 5), complete = options.complete, rfc8489 = options.rfc8489,
    identities = options.identities,
  }
end

-- The records of one capture; nil, text when nothing could be read of it or its annotated copy not be written.
local function audit_file(path, rules, known, options)
  local court = judge.new(rules, known)
  local outcome, problem = audit.run {
    path = path, keys = known.keys, users = known.users, keylogs = known.keylogs,
    identities = known.identities, server_name = known.server_name,
    delta = known.delta, flows = options.sessions, every = options.every,
    kind = function(sighting) return court:kind(sighting) end,
    each = function(sighting) return court:each(sighting) end,
    annotate = options.annotate,
    comment = function(numbers, text) return records.comment(court, numbers, text) end,
  }
  if not outcome then return nil, problem end
  return records.of(path, outcome, court, known)
end

function main.main(options)
  if options.format and not report.is_form(options.format) then
    return complain(USAGE, "--format is pretty, tap or json, not '%s'", options.format)
  end
  local known, wrong = known_from(options)
  if not known then return complain(USAGE, "%s", wrong) end
  local paths, none = files.find(options.files)
  if not paths then return complain(USAGE, "%s", none) end
  if options.annotate and #paths ~= 1 then
    return complain(USAGE, "--annotate writes one capture, and %d are to be read", #paths)
  end
  local rules, all, unread = suites.capture_rules(), {}, false
  for _, path in ipairs(paths) do
    local list, problem = audit_file(path, rules, known, options)
    if not list then
      complain(NO_VERDICT, "%s: %s", path, problem)
      list, unread = records.unread(path, problem), true
    end
    table.move(list, 1, #list, #all + 1, all)
  end
  local ok, summary = report.write(all, options)
  if not ok then return complain(NOT_WRITTEN, "the report cannot be written: %s", summary) end
  if summary.fail > 0 or options.strict and summary.warn > 0 then return FAILED end
  if unread or summary.damaged > 0 or summary.pass + summary.warn == 0 then return NO_VERDICT end
  return NOTHING_FAILED
end

return main
