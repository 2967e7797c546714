-- SPDX-License-Identifier: BSD-3-Clause
--
-- What has to be known of a target before any scenario asks it: that it answers, what it announces, and with which
-- octets of the mac_key it keys its HMAC (AMB-28), so that one deviation is reported once and hides nothing else.

local client = require "support.client"
local clock = require "clock"
local net = require "net"
local timekeeping = require "support.timekeeping"

local preflight = {}

local LONGEST_ATTEMPT <const> = 4 -- seconds, after which an answer is no longer waited for and another is asked for
local FIRST_HANDSHAKE <const> = 4 -- seconds, and twice as many for each that follows

-- What to do about a certificate, for a person.
local function untrusted(bench, transport, why)
  local settings = bench:handshake(bench.addresses[transport])
  return ("%s. It has to bear %s (another name: tls.name in a profile) and to be vouched for by %s (others: --ca FILE, "
    .. "or tls.ca in a profile); --insecure, or tls.insecure, takes any"):format(why,
    settings.server_name or settings.remote.address, settings.ca or "the certificates that the system trusts")
end

-- Waits until the target answers on every transport: nil, text when `patience` seconds are over or alive() says no.
function preflight.ready(bench, record, patience, alive)
  local deadline = clock.monotonic() + patience
  local patience_once = 0.05 -- grows: a target that is not up yet is asked again soon, a slow one is heard out
  for _, transport in ipairs(bench.transports) do
    local why
    local handshake = FIRST_HANDSHAKE
    repeat
      local left = deadline - clock.monotonic()
      if not alive() then return nil, "it ended before it answered" end
      if left <= 0 then return nil, ("it did not answer on %s within %.0f s (%s)"):format(transport, patience, why) end
      local answered
      local began = clock.monotonic()
      answered, why = preflight.answers(bench, record, transport, math.min(left, patience_once),
        math.min(left, handshake))
      if clock.monotonic() - began >= handshake then handshake = handshake * 2 end
      if not answered then patience_once = math.min(patience_once * 2, LONGEST_ATTEMPT) end
      -- Waiting makes no certificate better.
      if not answered and why and why:find("certificate is not trusted", 1, true) then
        return nil, untrusted(bench, transport, why)
      end
      if not answered then net.sleep(0.02) end
    until answered
  end
  return true
end

-- Any response to a Binding request: a success, or a 401 from a server that authenticates Binding too.
-- seconds: how long to wait, nil for the whole schedule; handshake: how long a connection may take. A target that is
-- not up yet refuses it at once, and there are servers that serve no other one while they wait for the end of a
-- handshake that was given up.
function preflight.answers(bench, record, transport, seconds, handshake)
  local most, began = bench.retransmission.tcp_timeout, clock.monotonic()
  local one, problem = client.open(bench, record, transport, math.min(handshake or most, most))
  if not one then return nil, problem end
  seconds = seconds and math.max(seconds, clock.monotonic() - began) -- on so slow a path the answer is no faster
  local timing = seconds and {
    rto = math.min(seconds / 2, 0.5), rc = seconds > 1 and 7 or 1, rm = 2, total = seconds, tcp_timeout = seconds,
  }
  one.step = "Binding, to see whether the target lives"
  local octets, request = one:craft("Binding", { credentials = false })
  local answer = one:transact(octets, request, timing)
  one:close()
  return answer.message ~= nil, answer.failure
end

-- A function of a description: one Allocate on a fresh 5-tuple, put down again. It returns the reply, or nil, text.
local function asker(bench, record, transport)
  return function(spec)
    local one, problem = client.open(bench, record, transport)
    if not one then return nil, problem end
    local answer
    answer, problem = one:request("Allocate", spec)
    one:put_down()
    one:close()
    return answer, problem
  end
end

-- Does the target take a valid token under this form of the key? true, false, or nil where what came or did not come
-- tells neither; what came, for a person; its error code.
local function takes(bench, allocate, form)
  bench.integrity_form = form
  local answer, problem = allocate({ step = ("Allocate, HMAC under the %s mac_key"):format(
    form == "full" and "complete" or "first 16 octets of the") })
  if not answer then return nil, problem end
  local taken = answer:is_success()
  if taken.unclear or taken.silent then return nil, taken.unclear or answer:describe() end
  return taken.ok, answer:describe(), answer:code()
end

-- The form under which the target takes a valid token, or nil, what came, whether each form was refused. An answer that
-- is lost must not look like a refusal: what told nothing is asked once more.
local function accepted_form(bench, allocate, notes)
  local taken, got = {}, {}
  local function ask(form)
    local code
    taken[form], got[form], code = takes(bench, allocate, form)
    if taken[form] == false and code == 400 and not bench.echo_password_algorithms then
      bench.echo_password_algorithms = true
      taken[form], got[form] = takes(bench, allocate, form)
      if taken[form] then
        notes[#notes + 1] = "token requests have to repeat PASSWORD-ALGORITHMS and PASSWORD-ALGORITHM (RFC 8489), "
          .. "so they do"
      end
    end
    return taken[form]
  end
  for _ = 1, 2 do
    for _, form in ipairs { "full", "first16" } do
      if taken[form] == nil and ask(form) then return form end
    end
  end
  return nil, taken.full == nil and got.full or got.first16, taken.full == false and taken.first16 == false
end

-- Finds the form of the integrity key. unanswered: why there was no challenge, where the target left it unanswered; a
-- token is presented with none, so then nothing more is waited for. Returns notes for the report.
local function find_integrity_form(bench, allocate, notes, unanswered)
  if bench.profile.integrity_key then
    bench.integrity_known = true
    notes[#notes + 1] = ("integrity key: %s, as the profile says"):format(bench.profile.integrity_key)
    return
  end
  local form, got, refused
  if not unanswered then form, got, refused = accepted_form(bench, allocate, notes) end
  bench.integrity_form, bench.integrity_known = form or "full", form ~= nil -- without one, nothing speaks for another
  if form == "first16" then
    notes[#notes + 1] = "the target keys its HMAC with the first 16 octets of mac_key (7635-5-05 fails for it); "
      .. "every other requirement is judged with that form"
  end
  if form then return end
  local note = refused
    and ("no valid token is accepted (%s): are kid, key, algorithm and server name those of the target, and its "
      .. "clock near ours?"):format(got)
    or ("whether a valid token is accepted is not known: %s"):format(unanswered or got)
  notes[#notes + 1] = note
  -- A target that we launched has our keys and our clock, so there the refusal is its own, once it was seen.
  if not (bench.profile.launch and refused) then bench.no_token_accepted = note end
end

-- Whether the target serves nonces that it never gave out, where its challenge has none; it is known before any
-- scenario asks, so that none of their verdicts depends on which of them asks first.
local function learn_nonce(bench, allocate, notes)
  local user = not bench.profile.third_party and bench.profile.users[1]
  if user then allocate({ user = user, step = "Allocate with a password" }) end
  notes[#notes + 1] = bench.serves_any_nonce
    and "as the challenge has no NONCE, requests have one that nobody gave out, and it is served"
    or "as the challenge has no NONCE, requests have one that nobody gave out; that of a 438 is used where one comes"
end

-- Asks for a challenge over one transport after the other until something comes: silence over the first may be that of
-- the way. Only the first is given its whole schedule. Returns the client (closed), its transport and what challenge()
-- said; or nil, text when there is no way to the target at all.
local function first_challenge(bench, record, notes)
  local silent, no_way
  for i, transport in ipairs(bench.transports) do
    local one, problem = client.open(bench, record, transport)
    no_way = no_way or problem
    if one then
      if i > 1 then one.hurry = bench.silence.short end
      local _, incomplete, came = one:challenge()
      one:put_down()
      one:close()
      local found = table.pack(one, transport, incomplete, came)
      if not (came and came.silent) then
        if silent then notes[#notes + 1] = ("%s, over %s; it came over %s"):format(silent[3], silent[2], transport) end
        return table.unpack(found, 1, found.n)
      end
      silent = silent or found
    end
  end
  if silent then return table.unpack(silent, 1, silent.n) end
  return nil, no_way
end

-- Asks for a challenge and finds the form of the key. Returns notes for the report.
function preflight.learn(bench, record)
  local notes = {}
  local one, transport, incomplete, came = first_challenge(bench, record, notes)
  if not one then return { "no challenge: " .. transport } end
  local allocate = asker(bench, record, transport)
  notes[#notes + 1] = incomplete
  bench.realm = one.realm
  bench.announced = one.server_name
  if bench.profile.third_party and not bench.server_name then bench.server_name = one.server_name end
  if bench.profile.third_party then
    if not bench.server_name then
      bench.server_name = ""
      notes[#notes + 1] = "the target announces no server name, and the profile names none"
    end
    find_integrity_form(bench, allocate, notes, came and came.silent and incomplete)
    notes[#notes + 1] = not bench.no_token_accepted and timekeeping.settle(bench, function(age)
      local answer = allocate {
        token = { lifetime = timekeeping.LIFETIME, age = age }, step = ("Allocate, a token %.1f s old"):format(age),
      }
      local made = answer and answer:is_success()
      if not made or made.unclear or made.silent then return nil end
      return made.ok
    end) or nil
  end
  if incomplete and bench.realm and not one.nonce then learn_nonce(bench, allocate, notes) end
  return notes
end

return preflight
