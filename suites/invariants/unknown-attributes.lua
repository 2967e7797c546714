-- SPDX-License-Identifier: BSD-3-Clause
--
-- UNKNOWN-ATTRIBUTES in every 420. RFC 5389 sections 7.3.1 and 15.9.

local invariant = require "support.invariant"

invariant "unknown-attributes" {
  title = "every 420 lists types of the request in UNKNOWN-ATTRIBUTES, as 16 bits each",
  covers = { "5389-7.3.1-01" },
  faults = { "write-odd-list", "count-list-header", "list-optional" },
  about = { class = "error", code = 420 }, -- for captures
  each = true,
  judge = function(seen, check)
    local m, id = seen.message, "5389-7.3.1-01"
    local value = m and m:class() == "error" and m:get "ERROR-CODE"
    if not value or value.code ~= 420 then return end
    local octets = m:raw "UNKNOWN-ATTRIBUTES"
    check(id, octets ~= nil, { label = "present", expected = "UNKNOWN-ATTRIBUTES", got = "none" })
    if not octets then return end
    local whole = #octets > 0 and #octets % 2 == 0
    check(id, whole, {
      label = "form", expected = "types of 16 bits, at least one", got = ("%d octets"):format(#octets),
    })
    if not whole or not seen.request then return end
    local sent, strangers = {}, {}
    for _, attribute in ipairs(seen.request:attributes()) do sent[attribute.type] = true end
    for at = 1, #octets, 2 do
      local type = string.unpack(">I2", octets, at)
      if not sent[type] or type >= 0x8000 then strangers[#strangers + 1] = ("0x%04X"):format(type) end
    end
    check(id, #strangers == 0, {
      label = "types", expected = "comprehension-required types that the request has",
      got = table.concat(strangers, ", "),
    })
  end,
}
