-- SPDX-License-Identifier: BSD-3-Clause
--
-- Attributes that are absent, doubled, out of order, or of a size they do not have. RFC 5389 sections 7.3 and 15.

local battery = require "support.battery"
local mutation = require "support.mutation"
local scenario = require "support.scenario"

scenario "lengths" {
  title = "the target withstands every wrong length of an attribute",
  covers = { "5389-6-01" },
  needs = { "credentials" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "crash-on-attribute-length", "answer-before-the-end" },
  run = function(t)
    battery.withstands(t, { make = function(session) return mutation.attribute_lengths(session) end, answers = true })
  end,
}

scenario "presence" {
  title = "the target withstands attributes that are absent, doubled, moved, empty or as large as a datagram",
  covers = { "5389-6-01" },
  needs = { "credentials" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "hang-on-doubled-attribute", "count-attributes-twice" },
  run = function(t)
    battery.withstands(t, { make = function(session) return mutation.presence(session) end, answers = true })
  end,
}

scenario "out-of-place" {
  title = "the target withstands every attribute of STUN where it does not belong, in sizes it does not have",
  covers = { "5389-6-01" },
  needs = { "credentials" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "crash-on-attribute-out-of-place", "count-attributes-twice" },
  run = function(t)
    battery.withstands(t, { make = function(session) return mutation.foreign_attributes(session) end, answers = true })
  end,
}

scenario "octets" {
  title = "the target withstands messages with any octet changed",
  covers = { "5389-6-01" },
  needs = { "credentials" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "crash-on-attribute-length", "answer-before-the-end" },
  run = function(t)
    battery.withstands(t, { make = function(session) return mutation.octets(session) end, answers = true })
  end,
}

scenario "combinations" {
  title = "the target withstands several defects in one message",
  covers = { "5389-6-01" },
  needs = { "credentials" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "hang-on-doubled-attribute", "count-attributes-twice" },
  run = function(t)
    battery.withstands(t, {
      make = function(session)
        return mutation.combinations({
          mutation.header_lengths(session), mutation.attribute_lengths(session), mutation.presence(session),
          mutation.octets(session), mutation.truncations(session),
        }, t.bench.seed, 6000)
      end,
      answers = true,
    })
  end,
}
