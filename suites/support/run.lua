-- SPDX-License-Identifier: BSD-3-Clause
--
-- assay run: the command line becomes a profile, a selection and a session, and the session an exit status.

local net = require "net"
local output = require "support.output"
local patience = require "support.patience"
local profile = require "support.profile"
local session = require "support.session"
local reproducer = require "support.reproducer"
local suites = require "support.suites"
local system = require "system"

local run = {}

local PASSED, FAILED, USAGE, NO_VERDICT, NOT_WRITTEN, INTERRUPTED = 0, 1, 2, 3, 4, 130

local function complain(status, format, ...)
  -- One line, whatever the words of the command line hold.
  system.write(2, "assay: " .. format:format(...):gsub("%c", "?") .. "\n")
  return status
end

-- A word of a shell command line, quoted where it has to be.
local function shell_word(word)
  if word:match "^[%w%./:@_=,+-]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- The command that runs one scenario again. Keys and passwords are not in it, unless secrets may be told: they have to
-- be put in again. The function takes the scenario's id, and the path of a reproducer if it is not that of this run.
local function rerun_of(options)
  local words = { "assay run" }
  local function add(name, value) words[#words + 1] = "--" .. name .. (value and " " .. shell_word(value) or "") end
  local function add_without_secret(name, list, pattern, placeholder)
    for _, word in ipairs(list) do
      local whole = word:sub(1, 1) == "@" or options.with_secrets
      add(name, whole and word or (word:match(pattern) or "") .. placeholder)
    end
  end
  if options.target then add("target", options.target) end
  if options.server then add("server", options.server) end
  for _, one in ipairs(options.transports) do add("transport", one) end
  if options.ca then add("ca", options.ca) end
  if options.insecure then add "insecure" end
  if options.server_name then add("server-name", options.server_name) end
  if options.realm then add("realm", options.realm) end
  if options.third_party == false then add "no-third-party" end
  if options.launch then add("launch", options.launch) end
  for _, one in ipairs(options.faults) do add("fault", one) end
  if options.seed then add("seed", ("%d"):format(options.seed)) end
  add_without_secret("key", options.keys, "^(.+:)[^:]+$", "BASE64")
  add_without_secret("user", options.users, "^([^:]+:)", "PASSWORD")
  if options.with_secrets then add "with-secrets" end
  local command = table.concat(words, " ")
  return function(id, input)
    input = input or options.input
    local which = id == "" and "" or " " .. shell_word(id)
    return command .. which .. (input and " --input " .. shell_word(input) or "")
  end
end

local function exit_status(ended, options)
  local counts = ended.counts
  if ended.interrupted then return INTERRUPTED end
  if ended.reports.failed then return NOT_WRITTEN end
  if counts.fail > 0 or (options.strict and counts.warn > 0) then return FAILED end
  if ended.lost or counts.inconclusive > 0 or not ended.judged then return NO_VERDICT end
  return PASSED
end

-- What is wrong with options that have no file of their own to be checked in, or nil.
local function wrong_option(options)
  if options.format and not output.is_form(options.format) then
    return ("--format is pretty, tap, tap14 or json, not '%s'"):format(options.format)
  end
  return patience.wrong(options)
end

function run.main(options)
  local wrong = wrong_option(options)
  if wrong then return complain(USAGE, "%s", wrong) end
  local p, problem
  if options.input then
    options.reproducer, problem = reproducer.read(options.input)
    if not options.reproducer then return complain(USAGE, "%s", problem) end
    -- Where no profile says which transports there are, that of the reproducer is asked for.
    if not options.target and #options.transports == 0 then options.transports = { options.reproducer.transport } end
    local all = #options.suites == 1 and options.suites[1] == "robustness"
    if #options.suites == 0 or all then options.suites = { "robustness/reproduce" } end
  end
  p, problem = profile.of(options)
  if not p then return complain(USAGE, "%s", problem) end
  local chosen
  chosen, problem = suites.select(options.suites, options.filters, p.role)
  if not chosen then return complain(USAGE, "%s", problem) end
  if options.out then
    local made, why = system.make_folder(options.out)
    if not made then return complain(NOT_WRITTEN, "%s", why) end
  end
  return net.run(function()
    local opened, why, kind = session.open(p, chosen, options, rerun_of(options))
    if not opened then return complain(kind == "target" and NO_VERDICT or NOT_WRITTEN, "%s", why) end
    opened:perform()
    return exit_status(opened, options)
  end)
end

return run
