-- SPDX-License-Identifier: BSD-3-Clause
--
-- The server name that a server announces, as captures show it. RFC 7635 section 6.1, AMB-35.

local invariant = require "support.invariant"

local id <const> = "7635-6.1-01"

invariant "announced-name" {
  title = "THIRD-PARTY-AUTHORIZATION holds the server name, octet for octet",
  covers = { id },
  faults = { "announce-terminator", "announce-padded-name", "announce-realm", "announce-folded-name" },
  role = "server",
  about = { has = { "THIRD-PARTY-AUTHORIZATION" } },
  judge = function(seen, check, note)
    local facts = seen.facts
    if seen.known.server_name and (seen.complete or not facts.server_name_other) then
      check(id, not facts.server_name_other, {
        label = "the name that was given", expected = "the name that --server-name gives", got = "another one",
      })
      return
    end
    -- Who gives one name may have several servers in the capture.
    if facts.server_name_other then note "7635-6.1-01: a server announces another name than --server-name gives" end
    if facts.name_empty or facts.name_nul then
      check(id, false, {
        label = "a name", expected = "a name, with nothing behind it", soften = "AMB-35",
        got = facts.name_empty and "an empty one" or "one that ends with NUL",
      })
      return
    end
    check(id, true, { label = "a name" })
    if facts.server_name_changed then note "a server announces another name than before" end
  end,
}
