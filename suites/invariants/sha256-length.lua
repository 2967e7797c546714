-- SPDX-License-Identifier: BSD-3-Clause
--
-- The length of MESSAGE-INTEGRITY-SHA256 wherever it is sent. RFC 8489 section 14.6, AMB-27.

local invariant = require "support.invariant"

invariant "sha256-length" {
  title = "MESSAGE-INTEGRITY-SHA256, where it is sent, has 16 to 32 octets",
  covers = { "8489-14.6-01" },
  faults = { "answer-short-sha256" },
  judge = function(seen, check)
    local value = seen.message and seen.message:raw "MESSAGE-INTEGRITY-SHA256"
    if not value then return end
    check("8489-14.6-01", #value >= 16 and #value <= 32 and #value % 4 == 0, {
      expected = "16 to 32 octets, a multiple of 4", got = ("%d octets"):format(#value),
    })
  end,
}
