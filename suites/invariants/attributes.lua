-- SPDX-License-Identifier: BSD-3-Clause
--
-- The attributes of every message: zeros for padding where RFC 8489 is claimed (RFC 5389 lets padding have any value),
-- and a note on those that come twice, which they may (RFC 5389 section 15).

local invariant = require "support.invariant"

invariant "attributes" {
  title = "padding is of zeros where RFC 8489 is claimed",
  covers = { "8489-14-01" },
  faults = { "pad-with-garbage" },
  judge = function(seen, check, note)
    local m = seen.message
    if not m then return end
    local counts, garbage, padded = {}, nil, false
    for _, attribute in ipairs(m:attributes()) do
      counts[attribute.name] = (counts[attribute.name] or 0) + 1
      if counts[attribute.name] == 2 then
        note(("%s %s: %s comes more than once"):format(m:method(), m:class(), attribute.name))
      end
      padded = padded or #attribute.padding > 0
      if attribute.padding:find "[^\0]" then garbage = garbage or attribute.name end
    end
    if seen.rfc8489 and padded then
      check("8489-14-01", garbage == nil, {
        expected = "padding of zeros", got = garbage and "other octets behind " .. garbage,
      })
    end
  end,
}
