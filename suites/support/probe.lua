-- SPDX-License-Identifier: BSD-3-Clause
--
-- assay probe: asks a server what it offers and writes a first profile of it. What is asked stands in probe/reach
-- (without credentials), probe/tokens, probe/timing and probe/offers; what is made of it in probe/report.

local bench_of = require "support.bench"
local clock = require "clock"
local escape = require "reports.escape"
local interruptible = require "support.interruptible"
local net = require "net"
local offers = require "support.probe.offers"
local preflight = require "support.preflight"
local profile = require "support.profile"
local reach = require "support.probe.reach"
local recorder = require "support.recorder"
local report = require "support.probe.report"
local stun = require "stun"
local subject = require "support.probe.subject"
local system = require "system"
local timing = require "support.probe.timing"
local tokens = require "support.probe.tokens"
local transports = require "support.transports"

local probe = {}

local WRITTEN, USAGE, NO_ANSWER, NOT_WRITTEN, INTERRUPTED = 0, 2, 3, 4, 130
local MAX_RATE <const> = 20
local SCHEDULE <const> = { rto = 0.5, rc = 5, rm = 4 } -- 9.5 s until an answer has failed to come

local function say(format, ...) system.write(2, escape.printable(format:format(...), 500) .. "\n") end

local function complain(status, format, ...)
  say("assay: " .. format, ...)
  return status
end

-- The profile to begin with: where to ask, and with which keys. nil, text when the command line is wrong.
local function first_profile(options)
  if not options.server then return nil, "--server HOST:PORT says which server to ask" end
  local wrong = profile.wrong_transport(options)
  if wrong then return nil, wrong end
  local asked = #options.transports > 0 and options.transports or { "udp", "tcp", "tls", "dtls" }
  local p, problem = profile.from_options {
    server = options.server, transports = asked, keys = options.keys, users = options.users, ca = options.ca,
    insecure = options.insecure, server_name = options.server_name, third_party = false,
  }
  if not p then return nil, problem end
  for _, transport in ipairs { "tls", "dtls" } do
    local port = options[transport .. "_port"]
    if port and port > 65535 then
      return nil, ("--%s-port: a port number (1 to 65535) is expected, not %d"):format(transport, port)
    end
    if port and p.ports[transport] then p.ports[transport] = port end
  end
  if options.max_rate and (options.max_rate < 0.1 or options.max_rate > 1e6) then
    return nil, ("--max-rate is a number from 0.1 on, not %g"):format(options.max_rate)
  end
  p.max_rate = options.max_rate or MAX_RATE
  p.third_party = #p.keys > 0
  return p
end

-- A transport among those that answer, for the largest message and for TCP relays.
local function first_of(answering, datagram)
  for _, name in ipairs(answering) do
    if transports.is_datagram(name) == datagram then return name end
  end
end

local function reached(s, found)
  found.seen, found.silent = reach.transports(s, found.tried)
  for _, name in ipairs(found.tried) do
    local seen = found.seen[name]
    if seen then found.answering[#found.answering + 1] = name end
    local text = seen and "answers" or "no answer: " .. found.silent[name]
    say("  %-5s port %-5d %s", name, found.profile.ports[name], text)
  end
  local first = found.answering[1]
  if not first then return nil end
  s.transport, s.bench.profile.transports = first, found.answering
  local seen = found.seen[first]
  local mapped = seen.reply:get "XOR-MAPPED-ADDRESS"
  if type(mapped) == "table" then found.mapped, found.own = mapped, seen.own end
  return true
end

local function challenged(s, found)
  local c = reach.challenge(s)
  found.challenge = c
  local bench = s.bench
  bench.realm, bench.announced = c.realm, c.server_name
  bench.server_name = found.options.server_name or c.server_name or ""
  if c.server_name then
    say("  it announces third-party authorization as \"%s\"", escape.printable(c.server_name, 100))
  elseif c.realm then
    say "  its challenge announces no third-party authorization"
  else
    say("  %s", c.problem or "no challenge")
  end
end

-- Whether a token or a password is taken, and all that can be asked with it.
local function credited(s, found)
  local p = found.profile
  found.keys, found.users = {}, {}
  if not found.challenge.realm then
    found.no_tokens = "there was no challenge to answer"
  elseif #p.keys == 0 then
    found.no_tokens = "no key was given to the probe (--key)"
  else
    local ok, got = tokens.find(s)
    if not ok then
      found.no_tokens = "no token of the keys given was taken: " .. got
      local decided = nil
      if not s.lost then decided = false end
      for i, key in ipairs(p.keys) do found.keys[i] = { key = key, ok = decided, got = got } end
      say("  %s", found.no_tokens)
    end
  end
  if s.good then
    say("  it takes tokens of \"%s\", the HMAC keyed with %s", escape.printable(s.good.kid, 100),
      tokens.words(s.good.form))
    say "  its clock and its Delta are looked for..."
    found.timing = timing.measure(s)
    if found.timing.centre then s.bench.clock_offset = -found.timing.centre end
    found.keys = tokens.each_key(s)
    found.long_keys = tokens.long_keys(s)
  end
  if found.challenge.realm then found.users = tokens.each_user(s) end
  found.good = s.good
  if not s.good then
    found.no_credentials = "nothing that it takes was given to the probe (--key, --user)"
    return
  end
  say "  what it offers is looked for..."
  if s.good.kid then found.sha256, found.sha256_signed = tokens.sha256(s) end
  found.echoed = s.bench.echo_password_algorithms
  local plain, most, mapped, own = offers.lifetimes(s)
  found.lifetimes = { plain, most }
  if not found.mapped then found.mapped, found.own = mapped, own end
  found.wishes = offers.wishes(s, first_of(found.answering, false))
end

-- A right message that is too large for a server has been seen to end it: this comes last, and can be left out.
local function sized(s, found)
  if found.options.largest == false then return end
  say "  its largest message is looked for..."
  for _, datagram in ipairs { true, false } do
    local name = first_of(found.answering, datagram)
    if name and not s.lost then
      local size = reach.largest(s, name)
      found.sizes[#found.sizes + 1] = { transport = name, size = size }
      if size.problem and not preflight.answers(s.bench, s.record, s.transport) then
        s.lost = ("the server has stopped answering: over %s, %s"):format(name, size.problem)
      end
    end
  end
end

-- Everything. Returns the status, and what was found.
local function work(s, found)
  if not reached(s, found) then return NO_ANSWER end
  challenged(s, found)
  credited(s, found)
  sized(s, found)
  if s.good and not s.lost and found.challenge.nonce then found.nonce = offers.nonce(s, found.challenge) end
  if s.good and not found.nonce then found.nonce = { problem = s.lost or "its challenge gives none" } end
  found.attributes = offers.attributes(s.record, stun.parse)
  found.sessions, found.lost, found.full = s.bench:session_notes(), s.lost, s.full
  for _, entry in ipairs(s.record.entries) do
    local message = entry.direction == "received" and stun.parse(entry.octets)
    found.software = found.software or message and message:raw "SOFTWARE" or nil
  end
  return WRITTEN
end

-- Works until the end or an interruption, and leaves no allocation.
local function perform(s, found)
  local outcome = interruptible.run(function() return work(s, found) end, {})
  local status = outcome.results[1]
  if outcome.interrupted then
    status = INTERRUPTED
    say "assay: interrupted; what it holds of the server is put down"
  elseif outcome.failure then
    status = complain(NO_ANSWER, "%s", outcome.failure)
  end
  s:abandon()
  outcome.release()
  return status
end

local function write(text, path)
  if path then
    local file, problem = system.open(path, "w")
    if file then
      local ok
      ok, problem = file:write(text)
      if ok then ok, problem = file:flush() end
      if ok then ok, problem = file:close() end
      if ok then return WRITTEN end
    end
    return complain(NOT_WRITTEN, "%s cannot be written: %s", path, problem)
  end
  local ok, problem = system.write(1, text)
  return ok and WRITTEN or complain(NOT_WRITTEN, "the profile cannot be written: %s", problem)
end

-- Why a file cannot be made, as far as that can be told before the work is done; nil when it seems that it can.
local function no_place(path)
  if system.exists(path) then return "it is there already, and somebody may have completed it" end
  local folder = path:match "^(.*)/[^/]*$"
  if path == "" or path:match "/$" then return "that is no name of a file" end
  if folder and not system.exists(folder == "" and "/" or folder) then return "there is no folder " .. folder end
end

function probe.main(options)
  local p, problem = first_profile(options)
  if not p then return complain(USAGE, "%s", problem) end
  local why = options.out and no_place(options.out)
  if why then return complain(NOT_WRITTEN, "%s cannot be written: %s", options.out, why) end
  return net.run(function()
    local found = {
      profile = p, options = options, tried = p.transports, answering = {}, sizes = {}, version = system.version(),
    }
    local addresses
    addresses, problem = profile.addresses(p)
    if not addresses then return complain(NO_ANSWER, "%s", problem) end
    local address = addresses[p.transports[1]].address
    found.loopback = address:match "^127%." ~= nil or address == "::1"
    local bench = bench_of.new(p, addresses, SCHEDULE)
    local records = assert(recorder.open(addresses, { capture = false }))
    local s = subject.new(bench, records:record "probe")
    local began = clock.monotonic()
    say("assay: probing %s, with at most %g requests a second", p.name, p.max_rate)
    local status = perform(s, found)
    if status == NO_ANSWER and not found.answering[1] then
      return complain(NO_ANSWER, "nothing answered at %s; no profile is written", p.name)
    end
    local sent = 0
    for _, entry in ipairs(s.record.entries) do sent = sent + (entry.direction == "sent" and 1 or 0) end
    say("assay: %d messages sent in %.0f s; %d allocations made, %s", sent, clock.monotonic() - began, s.made,
      s.left == 0 and "all of them put down"
        or ("%d of them could not be put down and end by themselves"):format(s.left))
    if status ~= WRITTEN then return status end
    if found.lost then say("assay: the profile is not complete: %s", found.lost) end
    status = write(report.text(found), options.out)
    if status == WRITTEN and options.out then say("assay: the profile is in %s", options.out) end
    return status
  end)
end

return probe
