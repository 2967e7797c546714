-- SPDX-License-Identifier: BSD-3-Clause
--
-- TCP: messages in pieces and several at once, connections that are opened and not used, messages as large as there can
-- be. RFC 5389 section 7.2.2; the catalogue has no row for it, so what is found makes the verdict and cites nothing.

local battery = require "support.battery"
local mutation = require "support.mutation"
local scenario = require "support.scenario"
local stream = require "support.stream"

scenario "pieces" {
  title = "a message that comes octet by octet over TCP is answered",
  covers = {},
  needs = { "credentials", "tcp" },
  transports = "each",
  alone = true,
  harm = true,
  faults = { "drop-slow-messages" },
  run = stream.in_pieces,
}

scenario "coalesced" {
  title = "messages that come in one write over TCP are each answered",
  covers = {},
  needs = { "credentials", "tcp" },
  transports = "each",
  alone = true,
  harm = true,
  faults = { "drop-coalesced-messages" },
  run = stream.at_once,
}

scenario "half-open" {
  title = "connections that are opened and not used do not keep others from being served",
  covers = {},
  needs = { "credentials", "tcp" },
  transports = "each",
  alone = true,
  harm = true,
  faults = { "take-few-connections" },
  run = function(t)
    t:control {}
    for _, octets in ipairs { "", "\x00", "\x00\x03\x00\x08\x21\x12\xA4\x42", "\x40\x00\xFF\xFF" } do
      local close, count = stream.half_open(t, 64, octets)
      t:note("%d connections with %d octet%s each", count, #octets, #octets == 1 and "" or "s")
      t:rule(nil, stream.answered(t, 1, stream.every(65536), 0))
      close()
    end
    t:control {}
  end,
}

scenario "large-messages" {
  title = "the target withstands messages of nearly 64 kB over TCP",
  covers = { "5389-6-01" },
  needs = { "credentials", "tcp" },
  transports = "each",
  alone = true,
  harm = true,
  limit = 600,
  faults = { "hang-on-large-message", "answer-before-the-end" },
  run = function(t)
    battery.withstands(t, { make = function(session) return mutation.large(session) end, answers = true })
  end,
}

scenario "broken-messages" {
  title = "the target withstands malformed messages over TCP, each on its own connection",
  covers = { "5389-6-01" },
  needs = { "credentials", "tcp" },
  transports = "each",
  alone = true,
  harm = true,
  limit = 600,
  faults = { "crash-on-attribute-length", "answer-before-the-end" },
  run = function(t)
    battery.withstands(t, {
      make = function(session)
        local list = mutation.header_lengths(session)
        for _, more in ipairs {
          mutation.combinations({ mutation.attribute_lengths(session) }, t.bench.seed, 200),
          mutation.combinations({ mutation.presence(session), mutation.octets(session) }, t.bench.seed, 200),
          mutation.garbage(t.bench.seed, 200),
        } do
          table.move(more, 1, #more, #list + 1, list)
        end
        return list
      end,
      answers = true,
    })
  end,
}
