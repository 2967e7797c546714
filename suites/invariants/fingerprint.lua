-- SPDX-License-Identifier: BSD-3-Clause
--
-- FINGERPRINT wherever it is sent. RFC 5389 section 15.5.

local invariant = require "support.invariant"

invariant "fingerprint" {
  title = "FINGERPRINT, where it is sent, is the last attribute and right",
  covers = { "5389-15.5-01" },
  faults = { "forget-fingerprint-xor", "put-fingerprint-first" },
  judge = function(seen, check)
    local m = seen.message
    if not m or not m:has "FINGERPRINT" then return end
    local attributes = m:attributes()
    local last = attributes[#attributes].name == "FINGERPRINT"
    check("5389-15.5-01", last, {
      label = "last", expected = "FINGERPRINT as the last attribute", got = "others behind it",
    })
    if last then
      check("5389-15.5-01", m:fingerprint() == "valid", {
        label = "CRC-32", expected = "the CRC-32 of the message XOR 0x5354554E", got = "another value",
      })
    end
  end,
}
