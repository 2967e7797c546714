-- SPDX-License-Identifier: BSD-3-Clause
--
-- Sends what a run found deadly once more: assay run … --input FILE.

local battery = require "support.battery"
local scenario = require "support.scenario"

scenario "input" {
  title = "the target withstands the messages of a reproducer",
  covers = {},
  needs = { "credentials" },
  alone = true,
  harm = true,
  limit = 600,
  run = function(t)
    if not t.bench.reproducer then t:skip "nothing to reproduce: --input FILE names what a run has found" end
    battery.reproduce(t, t.bench.reproducer)
  end,
}
