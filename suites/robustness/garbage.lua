-- SPDX-License-Identifier: BSD-3-Clause
--
-- What is no STUN message at all, and more of it than anybody sends.

local battery = require "support.battery"
local mutation = require "support.mutation"
local scenario = require "support.scenario"

scenario "octets" {
  title = "the target withstands octets that are no message",
  covers = { "5389-6-01" },
  needs = { "credentials" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "crash-on-foreign-protocol", "crash-on-runt", "answer-before-the-end" },
  run = function(t)
    battery.withstands(t, {
      make = function() return mutation.garbage(t.bench.seed, 4000) end, answers = true,
    })
  end,
}

scenario "burst" {
  title = "the target withstands a burst of Allocates without credentials",
  covers = { "5389-6-01" },
  needs = { "credentials" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "exhaust-on-challenges", "cut-hurried-challenges" },
  run = function(t)
    battery.withstands(t, {
      make = function()
        local list = {}
        for i = 1, 3000 do
          list[i] = { class = "burst", base = "challenge", anyone = true, what = "an Allocate without credentials" }
        end
        return list
      end,
      answers = true,
    })
  end,
}
