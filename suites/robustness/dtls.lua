-- SPDX-License-Identifier: BSD-3-Clause
--
-- What comes to the port of DTLS: no DTLS, ClientHellos that are broken, with and without a cookie, fragments that do
-- not fit; and over a session that is right, a share of what the other files send over UDP. As over TLS, what is found
-- beneath a session makes the verdict and cites nothing.

local battery = require "support.battery"
local beneath = require "support.beneath"
local mutation = require "support.mutation"
local scenario = require "support.scenario"
local stream = require "support.stream"

local function withstands(name, title, faults, make, covers)
  scenario(name) {
    title = title, covers = covers or {}, needs = { "credentials", "dtls" }, transports = "each",
    alone = true, harm = true, limit = 600, faults = faults,
    run = function(t)
      battery.withstands(t, { make = function(session) return make(t, session) end, answers = covers ~= nil })
    end,
  }
end

withstands("client-hello", "the target withstands a ClientHello cut off anywhere, and every wrong length in one",
  { "crash-on-short-record" }, beneath.dtls_hellos)

withstands("records", "the target withstands what is no DTLS, records of no session, and fragments that do not fit",
  { "crash-on-fragment" }, function(t) return beneath.dtls_records(t.bench.seed) end)

withstands("cookies", "the target withstands broken handshakes that bring a cookie back", { "crash-on-long-cookie" },
  beneath.cookies)

withstands("broken-messages", "the target withstands malformed messages over DTLS",
  { "crash-on-attribute-length", "answer-before-the-end" },
  function(t, session) return mutation.share(session, t.bench.seed, 3000) end, { "5389-6-01" })

scenario "half-open" {
  title = "handshakes that stop do not keep others from being served",
  covers = {},
  needs = { "credentials", "dtls" },
  transports = "each",
  alone = true,
  harm = true,
  faults = { "take-few-datagram-handshakes" },
  run = function(t) stream.beside_silence(t, beneath.silences.dtls) end,
}
