-- SPDX-License-Identifier: BSD-3-Clause
--
-- The time in a token: lifetime + Delta > abs(now - timestamp), with Delta RECOMMENDED to be 5 s. RFC 7635 sections 6.2
-- and 7. Any Delta is legal, so what must be refused is refused an hour past its end (AMB-06).

local scenario = require "support.scenario"

scenario "current-token" {
  title = "a token within its lifetime is accepted",
  covers = { "7635-7-08" },
  faults = { "refuse-aged", "compare-wrong-way" },
  transports = "each",
  run = function(t)
    t:timed()
    t:accepted("7635-7-08", { token = { lifetime = 3600 } }, { label = "issued now" })
    t:accepted("7635-7-08", { token = { lifetime = 3600, age = 60 } }, { label = "a minute old" })
    t:accepted("7635-7-08", { token = { lifetime = 3600, age = 3590, while_age = { 3580, 3599 } } },
      { label = "ten seconds before its end" })
  end,
}

scenario "expired-token" {
  title = "a token past its lifetime and Delta is refused",
  covers = { "7635-7-09" },
  faults = { "accept-for-a-day" },
  transports = "each",
  run = function(t)
    t:timed()
    local control = t:control { token = { lifetime = 600 } }
    t:refused("7635-7-09", control, { token = { age = 600 + t.bench:beyond_delta() } }, 401)
  end,
}

scenario "delta" {
  title = "the grace period is 5 seconds",
  covers = { "7635-7-10" },
  faults = { "allow-a-minute", "allow-nothing" },
  run = function(t)
    t:timed()
    local control = t:control { token = { lifetime = 600 } }
    local inside = t:with_defect(control, { token = { age = 602, while_age = { 600.1, 604.5 } } })
    t:check("7635-7-10", inside:is_success(), { label = "2 s past the lifetime: accepted" })
    t:refused("7635-7-10", control, { token = { age = 610 } }, 401, { label = "10 s past the lifetime: refused" })
  end,
}

scenario "far-future-token" {
  title = "a timestamp further ahead than lifetime and Delta is refused",
  covers = { "7635-7-11" },
  faults = { "accept-future" },
  run = function(t)
    t:timed()
    local control = t:control { token = { lifetime = 600 } }
    t:refused("7635-7-11", control, { token = { age = -(600 + t.bench:beyond_delta()) } }, 401)
  end,
}

scenario "near-future-token" {
  title = "a timestamp somewhat ahead is accepted, as the formula takes the absolute value",
  covers = { "7635-7-12" },
  faults = { "refuse-future" },
  run = function(t)
    t:timed()
    t:control { token = { lifetime = 600 } }
    t:accepted("7635-7-12", { token = { lifetime = 600, age = -300 } })
  end,
}

scenario "zero-lifetime" {
  title = "a token with lifetime 0 is good for no longer than Delta",
  covers = { "7635-7-13" },
  faults = { "never-expire-zero" },
  run = function(t)
    t:timed()
    local control = t:control { token = { lifetime = 3600 } }
    t:refused("7635-7-13", control, { token = { lifetime = 0, age = t.bench:beyond_delta() } }, 401)
    t:note("a fresh token with lifetime 0: %s", t:outcome_of { token = { lifetime = 0 } })
    t:note("a minute-old token with lifetime 2^32-1: %s",
      t:outcome_of { token = { lifetime = 0xFFFFFFFF, age = 60 } })
  end,
}

scenario "timestamp-format" {
  title = "the timestamp counts seconds in its upper 48 bits",
  covers = { "7635-6.2-14" },
  faults = { "read-plain-seconds", "accept-milliseconds", "accept-plain-seconds" },
  run = function(t)
    t:accepted("7635-6.2-14", {}, { label = "48 bits of seconds, 16 of fraction" })
    local control = t:control {}
    local now = math.floor(t:now())
    t:heeds_time(control)
    t:refused("7635-6.2-14", control, { token = { timestamp = now } }, 401, { label = "plain seconds" })
    t:refused("7635-6.2-14", control, { token = { timestamp = now * 1000 } }, 401, { label = "milliseconds" })
    -- 1/64000 s leaves these without a meaning; a server may ignore them or count up to 1.024 s (AMB-03).
    for _, fraction in ipairs { 64000, 65535 } do
      t:note("a fraction of %d: %s", fraction, t:outcome_of {
        token = { timestamp = now << 16 | fraction }, step = ("Allocate, a fraction of %d"):format(fraction),
      })
    end
  end,
}
