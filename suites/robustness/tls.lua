-- SPDX-License-Identifier: BSD-3-Clause
--
-- What comes to the port of TLS: no TLS at all, handshakes that are broken, or stop, or go on where they should not;
-- and over sessions that are right, a share of what the other files send over UDP. Neither RFC 7635 nor the catalogue
-- has a row for the former, so what is found there makes the verdict and cites nothing.

local battery = require "support.battery"
local beneath = require "support.beneath"
local mutation = require "support.mutation"
local scenario = require "support.scenario"
local stream = require "support.stream"

-- A scenario that sends what make(t, session) returns.
local function withstands(name, title, faults, make, covers)
  scenario(name) {
    title = title, covers = covers or {}, needs = { "credentials", "tls" }, transports = "each",
    alone = true, harm = true, limit = 600, faults = faults,
    run = function(t)
      battery.withstands(t, { make = function(session) return make(t, session) end, answers = covers ~= nil })
    end,
  }
end

withstands("strangers", "the target withstands what is no TLS on its port", { "crash-on-stranger" },
  function(t) return beneath.all(beneath.strangers(t.bench.seed, 300), beneath.old_hellos()) end)

withstands("client-hello", "the target withstands a ClientHello cut off anywhere, and every wrong length in one",
  { "crash-on-hello-length" }, beneath.tls_hellos)

withstands("records", "the target withstands records of all types and sizes, alerts, and fragments of a handshake",
  { "crash-on-early-alert" }, beneath.records)

withstands("odd-moments", "the target withstands ends, alerts and messages in the midst of a handshake",
  { "crash-on-second-hello" }, beneath.odd_moments)

withstands("established", "the target withstands new handshakes, new keys and ends on established sessions",
  { "crash-on-renegotiation" }, function() return beneath.within { false, "1.2" } end)

withstands("broken-messages", "the target withstands malformed messages over TLS, each on its own connection",
  { "crash-on-attribute-length", "answer-before-the-end" },
  function(t, session) return mutation.share(session, t.bench.seed, 600) end, { "5389-6-01" })

withstands("large-messages", "the target withstands messages of nearly 64 kB over TLS",
  { "hang-on-large-message", "answer-before-the-end" },
  function(_, session) return mutation.large(session) end, { "5389-6-01" })

scenario "pieces" {
  title = "a message that comes octet by octet, each in a record of its own, is answered",
  covers = {},
  needs = { "credentials", "tls" },
  transports = "each",
  alone = true,
  harm = true,
  faults = { "drop-slow-messages" },
  run = stream.in_pieces,
}

scenario "coalesced" {
  title = "messages that come in one record are each answered",
  covers = {},
  needs = { "credentials", "tls" },
  transports = "each",
  alone = true,
  harm = true,
  faults = { "drop-coalesced-messages" },
  run = stream.at_once,
}

scenario "half-open" {
  title = "handshakes that stop do not keep others from being served",
  covers = {},
  needs = { "credentials", "tls" },
  transports = "each",
  alone = true,
  harm = true,
  faults = { "take-few-handshakes" },
  run = function(t) stream.beside_silence(t, beneath.silences.tls) end,
}
