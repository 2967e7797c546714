-- SPDX-License-Identifier: BSD-3-Clause
--
-- What the report writers are fed: a case is the calls made on a report, in order. One scenario for each verdict,
-- runs that end early, and text as a hostile target would choose it.

local cases = {}

local function run(scenarios)
  return {
    type = "run", assay = "0.1", started = "2026-01-02T03:04:05Z", seed = 42, scenarios = scenarios,
    target = { name = "reference", address = { address = "127.0.0.1", port = 3478 }, transports = { "udp", "tcp" } },
    capture = "libpcap on lo", command = "assay run --target reference.lua --out out", folder = "out",
    server_name = "turn.example.org", realm = "example.org", third_party = true, integrity_key = "full",
  }
end

local function message(frame, direction, step, summary, text)
  local client, server = "127.0.0.1:40000", "127.0.0.1:3478"
  local sent = direction == "sent"
  return {
    time = 0.001 * frame, direction = direction, transport = "udp", from = sent and client or server,
    to = sent and server or client, frame = frame, step = step, summary = summary, text = text, hex = "00030000",
  }
end

local function exchange()
  return {
    message(12, "sent", "Allocate with the expired token", "Allocate request",
      "0000  Allocate request, 180 octets\n0020  ACCESS-TOKEN, 96 octets\n\n \t\r\n"
        .. "0132  MESSAGE-INTEGRITY, 20 octets\n"),
    message(13, "received", "Allocate with the expired token", "Allocate success response",
      "0000  Allocate success response, 60 octets\n0020  LIFETIME 600"),
    { time = 0.02, direction = "icmp", summary = "port unreachable", hex = ("0123456789abcdef"):rep(20) },
  }
end

local pass = {
  type = "scenario", id = "server/challenge/third-party-attribute", title = "the 401 names the authorization server",
  sections = { "RFC 7635 6.1" }, verdict = "pass", requirements = { "7635-6.1-01" }, seconds = 0.01,
  checks = { { requirement = "7635-6.1-01", level = "MUST", section = "RFC 7635 6.1", verdict = "pass",
    expected = "THIRD-PARTY-AUTHORIZATION", got = "THIRD-PARTY-AUTHORIZATION" } },
  notes = { "the server name is the realm" },
}

local fail = {
  type = "scenario", id = "server/token-lifetime/expired-token", verdict = "fail",
  title = "a token past its lifetime and Delta is refused", sections = { "RFC 7635 7", "RFC 7635 9" },
  requirements = { "7635-7-09", "7635-9-02", "7635-9-03" },
  checks = {
    { requirement = "7635-7-08", level = "MUST", section = "RFC 7635 7", verdict = "pass" },
    { requirement = "7635-9-03", level = "SHOULD", section = "RFC 7635 9", verdict = "warn", soften = "AMB-08",
      reading = "up to Delta more is read as a softening", expected = "LIFETIME at most 600", got = "LIFETIME 605",
      text = "The lifetime granted ends with the token." },
    { requirement = "7635-7-09", level = "MUST", section = "RFC 7635 7", verdict = "fail", label = "the expired token",
      expected = "an error response 401", got = "Allocate success response",
      text = "A server refuses a token whose lifetime, counted from its timestamp, has passed by more than Delta." },
    { requirement = "7635-9-02", level = "MUST NOT", section = "RFC 7635 9", verdict = "fail",
      implied_by = "7635-7-09", expected = "no allocation", got = "an allocation" },
  },
  reason = "the expired token was accepted", notes = { "the target's clock is 1 s ahead\nmeasured twice" },
  seconds = 0.2, exchange = exchange(),
  rerun = "assay run --target reference.lua 'server/token-lifetime/expired-token'",
}

local warn = {
  type = "scenario", id = "server/token-lifetime/granted-lifetime", verdict = "warn",
  title = "no more than the token's lifetime is granted", sections = { "RFC 7635 9" }, requirements = { "7635-9-07" },
  seconds = 0.1,
  checks = { { requirement = "7635-9-07", level = "RECOMMENDED", section = "RFC 7635 9", verdict = "warn",
    expected = "LIFETIME at most 100", got = "LIFETIME 105", text = "The time that is left bounds what is granted." } },
  exchange = exchange(), rerun = "assay run --target reference.lua 'server/token-lifetime/granted-lifetime'",
}

local inconclusive = {
  type = "scenario", id = "server/token-key/unknown-kid@tcp", title = "a kid that is not known is refused",
  sections = { "RFC 7635 7" }, verdict = "inconclusive", requirements = { "7635-7-04" }, checks = {},
  reason = "the control was refused with 486 (Allocation Quota Reached)", exchange = exchange(), seconds = 1.5,
  traceback = "suites/server/token-key.lua:12: attempt to index a nil value\nstack traceback:\n\t[C]: in ?",
  rerun = "assay run --target reference.lua 'server/token-key/unknown-kid@tcp'",
}

local skip = {
  type = "scenario", id = "server/relay/datagram", title = "a datagram reaches the peer", verdict = "skip",
  sections = { "RFC 7635 4" }, requirements = { "7635-4-02" }, reason = "the target forbids the peer (403)",
}

local summary = {
  type = "summary", pass = 1, fail = 1, warn = 1, inconclusive = 1, skip = 1, seconds = 1.84, folder = "out",
  differences = { "127.0.0.1:40000 udp: an unasked packet from 127.0.0.1:3479, frame 31" },
  notes = { "the target was restarted once" },
}

-- The ledger of that run, as a session computes it.
local function row(id, level, verdict, scenarios, rest)
  local out = { id = id, level = level, role = "server", section = "RFC 7635 7", verdict = verdict,
    scenarios = scenarios,
    text = "What the requirement " .. id .. " says, in a sentence that is longer than a line is." }
  for key, value in pairs(rest or {}) do
    out[key] = value
  end
  return out
end

local ledger = {
  row("7635-4-02", "IMPLIED", "skip", { skip.id }, { reason = skip.reason }),
  row("7635-6.1-01", "MUST", "pass", { pass.id }),
  row("7635-7-04", "MUST", "inconclusive", { inconclusive.id }, { reason = inconclusive.reason }),
  row("7635-7-08", "MUST", "pass", { fail.id }),
  row("7635-9-07", "RECOMMENDED", "warn", { warn.id }),
  row("7635-7-09", "MUST", "fail", { fail.id }),
  row("7635-9-02", "MUST NOT", "fail", { fail.id }, { implied_by = "7635-7-09" }),
  row("7635-11-06", "IMPLIED", "none", {}, { role = "token", reason = "no suite asks over TLS" }),
}

cases.verdicts = {
  { "start", run(5) },
  { "progress", { done = 0, planned = 5, failed = 0, running = { pass.id, fail.id, warn.id } } },
  { "scenario", fail },
  { "progress", { done = 1, planned = 5, failed = 1, running = { warn.id } } },
  { "scenario", pass }, { "scenario", warn }, { "scenario", inconclusive }, { "scenario", skip },
  { "progress", { done = 5, planned = 5, failed = 1, running = {} } },
  { "ledger", ledger },
  { "finish", summary },
}

cases.green = {
  { "start", run(1) },
  { "scenario", pass },
  { "finish", { type = "summary", pass = 1, fail = 0, warn = 0, inconclusive = 0, skip = 0, seconds = 0.01 } },
}

cases.warned = { { "start", run(1) }, { "scenario", warn }, { "finish", { type = "summary", warn = 1 } } }

cases.skipped = { { "start", run(1) }, { "scenario", skip }, { "finish", { type = "summary", skip = 1 } } }

cases.empty = { { "start", run(0) }, { "finish", { type = "summary", seconds = 0 } } }

cases.aborted = {
  { "start", run(5) },
  { "abort", "the target did not start: exit status 1\nturnserver: bind: \27[31mAddress in use\27[0m\nBail out! x\n" },
  { "finish", summary },
}

cases.aborted_later = { { "start", run(5) }, { "scenario", pass }, { "abort", "the target is gone, and is not ours" } }

cases.aborted_at_once = { { "abort", "no answer from 127.0.0.1:3478" } }

cases.interrupted = {
  { "start", run(5) }, { "progress", { done = 0, planned = 5, running = { pass.id } } }, { "scenario", pass },
  { "finish", { type = "summary", pass = 1, seconds = 0.5, interrupted = true, folder = "out" } },
}

cases.short = {
  { "start", run(5) }, { "scenario", pass }, { "scenario", skip },
  { "finish", { type = "summary", pass = 1, skip = 1, seconds = 0.5 } },
}

cases.full_disk = { { "start", run(1) }, { "scenario", pass }, { "finish", summary } }

-- One cause, one red: a scenario of whose checks all are implied, and a second that shows the cause.
local implied = {
  type = "scenario", id = "server/token/sealed-key", title = "the key in the token signs the answer", verdict = "fail",
  sections = { "RFC 7635 5" }, requirements = { "7635-5-06" }, reason = "the answer is signed with another key",
  checks = { { requirement = "7635-5-06", level = "MUST", verdict = "fail", implied_by = "7635-7-09",
    expected = "valid", got = "invalid" } },
}
cases.implied = {
  { "start", run(2) }, { "scenario", implied }, { "scenario", fail }, { "finish", { type = "summary", fail = 2 } },
}

-- Text that a target chose, wherever a result can carry it.
local function spoken(text)
  local start = run(4)
  start.target = { name = text, address = text, transports = { text } }
  start.server_name, start.realm, start.command, start.capture, start.notes = text, text, text, text, { text }
  local function result(verdict, rest)
    local out = {
      type = "scenario", id = "server/hostile/" .. verdict, title = text, sections = { text }, verdict = verdict,
      requirements = { "7635-7-09" }, reason = text, notes = { text }, rerun = text,
    }
    for key, value in pairs(rest) do
      out[key] = value
    end
    return out
  end
  local checks = {
    { requirement = "7635-7-09", level = "MUST", section = text, verdict = "fail", label = text, expected = text,
      got = text, text = text, reading = text, soften = text },
    { requirement = "7635-7-10", level = "MUST", section = text, verdict = "fail", expected = text, got = text },
    { requirement = "7635-7-11", level = "MUST", verdict = "fail", implied_by = text },
  }
  local warned = { { requirement = "7635-7-09", level = text, verdict = "warn", expected = text, got = text } }
  local packet = { time = 0.5, direction = text, transport = text, from = text, to = text, frame = 7, step = text,
    summary = text, text = text, hex = text }
  return {
    { "start", start },
    { "progress", { done = 0, planned = 4, failed = 0, running = { text, text } } },
    { "scenario", result("fail", { checks = checks, exchange = { packet, packet }, traceback = text }) },
    { "scenario", result("warn", { checks = warned, exchange = { packet } }) },
    { "scenario", result("inconclusive", { exchange = { { time = 0, direction = "sent", hex = text } } }) },
    { "scenario", result("skip", {}) },
    { "ledger", { row("7635-7-09", text, "fail", { text }, { text = text, reason = text }) } },
    { "finish", { type = "summary", fail = 1, warn = 1, inconclusive = 1, skip = 1, notes = { text },
      differences = { text }, folder = text } },
  }
end

cases.echo = spoken

cases.hostile = spoken('coturn "4.6": # TODO x \\ # SKIP y \0 \r\nok 99 - injected\nBail out! now\n  ...\n---\n'
  .. "1..1\n\27[2J\27]0;title\7 \u{2028} \u{202E} \u{9B}31m \xFF\xC3 \u{1F600} ~ {}\n\n  - a: b\n{")

local long = ("A\u{E9}"):rep(21845)

function cases.long()
  return spoken(long)
end

cases.long_value = {
  { "start", run(1) },
  { "scenario", { id = "server/hostile/long", verdict = "fail", checks = { { verdict = "fail", got = long } } } },
  { "finish", { type = "summary", fail = 1 } },
}

-- A flood of messages, and messages of many lines.
function cases.flood()
  local decoded = {}
  for index = 1, 100 do
    decoded[index] = ("%04d  an attribute\n"):format(index * 4)
  end
  local flood = { id = "robustness/flood/allocate", title = "a burst of requests", verdict = "fail",
    requirements = { "7635-7-09" }, exchange = {} }
  for frame = 1, 300 do
    flood.exchange[frame] = message(frame, frame % 2 == 1 and "sent" or "received", nil, "Allocate request",
      table.concat(decoded))
  end
  return { { "start", run(1) }, { "scenario", flood }, { "finish", { type = "summary", fail = 1 } } }
end

return cases
