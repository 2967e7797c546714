-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in the check  lifetime + Delta > |now - timestamp|  of RFC 7635 section 7.

local change = require "reference.faults.change"

-- current(server, opened, now) in place of the check.
local function check(name, about, current, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b) b.token_is_current = current end,
  }
end

local function age(opened, now) return now - opened.timestamp end

local function delta(name, about, seconds, ...)
  return check(name, about, function(_, opened, now)
    return opened.lifetime + seconds > math.abs(age(opened, now))
  end, ...)
end

local function unit(name, about, factor, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b)
      change.wrap(b, "read_lifetime", function(original, opened) return original(opened) * factor // 1000 end)
    end,
  }
end

return {
  check("accept-expired", "the end of a token's time is not checked", function(server, opened, now)
    return opened.lifetime + server.delta > -age(opened, now)
  end, "7635-7-09", "7635-7-10", "7635-7-13"),
  check("accept-future", "abs() is forgotten: a timestamp may lie ahead by any time", function(server, opened, now)
    return opened.lifetime + server.delta > age(opened, now)
  end, "7635-7-11"),
  check("ignore-time", "timestamp and lifetime are read and never compared with the clock", function() return true end,
    "7635-7-09", "7635-7-10", "7635-7-11", "7635-7-13", "7635-6.2-14"),
  check("refuse-future", "a timestamp ahead of the clock is refused", function(server, opened, now)
    return age(opened, now) > -2 and opened.lifetime + server.delta > age(opened, now)
  end, "7635-7-12"),
  check("refuse-aged", "\"shortly before\" is taken for a minute", function(server, opened, now)
    return math.abs(age(opened, now)) < math.min(60, opened.lifetime + server.delta)
  end, "7635-7-08"),
  check("never-expire-zero", "lifetime 0 means that the token does not expire", function(server, opened, now)
    return opened.lifetime == 0 or opened.lifetime + server.delta > math.abs(age(opened, now))
  end, "7635-7-13"),
  check("accept-for-a-day", "every token is good for a day around its timestamp, whatever its lifetime",
    function(_, opened, now) return math.abs(age(opened, now)) < 86400 end,
    "7635-7-09", "7635-7-11", "7635-7-13"),
  check("compare-wrong-way", "the comparison is the wrong way round", function(server, opened, now)
    return opened.lifetime + server.delta < math.abs(age(opened, now))
  end, "7635-7-08", "7635-7-09", "7635-7-15"),
  delta("allow-a-minute", "Delta is 60 seconds", 60, "7635-7-10"),
  delta("allow-two-hours", "Delta is 7200 seconds", 7200, "7635-7-09", "7635-7-11", "7635-7-13"),
  delta("allow-nothing", "Delta is 0", 0, "7635-7-10"),
  unit("read-lifetime-as-minutes", "lifetime is read as minutes", 60000, "7635-7-09", "7635-7-11"),
  unit("read-lifetime-as-milliseconds", "lifetime is read as milliseconds", 1, "7635-7-08"),
}
