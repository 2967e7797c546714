-- SPDX-License-Identifier: BSD-3-Clause
--
-- Messages whose header lies, or that end too soon. RFC 5389 sections 6 and 7.3.

local battery = require "support.battery"
local mutation = require "support.mutation"
local scenario = require "support.scenario"

scenario "lengths" {
  title = "the target withstands every wrong length in the header",
  covers = { "5389-6-01" },
  needs = { "credentials" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "crash-on-header-length", "answer-before-the-end" },
  run = function(t)
    battery.withstands(t, { make = function(session) return mutation.header_lengths(session) end, answers = true })
  end,
}

scenario "truncation" {
  title = "the target withstands messages cut off behind every octet",
  covers = { "5389-6-01" },
  needs = { "credentials" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "crash-on-runt", "answer-before-the-end" },
  run = function(t)
    battery.withstands(t, { make = function(session) return mutation.truncations(session) end, answers = true })
  end,
}

scenario "first-octets" {
  title = "the target withstands every beginning of a message",
  covers = { "5389-6-01" },
  needs = { "credentials" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "crash-on-foreign-protocol", "answer-before-the-end" },
  run = function(t)
    battery.withstands(t, { make = function(session) return mutation.first_octets(session) end, answers = true })
  end,
}

scenario "channel-data" {
  title = "the target withstands ChannelData whose length is wrong, or that nobody has bound",
  covers = {},
  needs = { "credentials" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "crash-on-channel-length" },
  run = function(t)
    battery.withstands(t, { make = mutation.channel_data })
  end,
}
