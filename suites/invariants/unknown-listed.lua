-- SPDX-License-Identifier: BSD-3-Clause
--
-- What a 420 lists, as captures show it: each type that nobody knows, and ACCESS-TOKEN where tokens are not taken.
-- RFC 5389 section 7.3.1, RFC 7635 section 7.

local certain = require "support.certain"
local invariant = require "support.invariant"

local FIRST_FREE <const> = 0x0040 -- types up to here may have been given to somebody
local REQUIRED <const> = 0x8000

invariant "unknown-listed" {
  title = "a 420 lists every required type of the request that nobody knows",
  covers = { "5389-7.3.1-01", "7635-7-19" },
  faults = { "list-first-unknown", "omit-token-from-list" },
  role = "server",
  about = { class = "error", code = 420, asked = "seen", repeated = false, request = { transaction = "new" } },
  each = true,
  judge = function(seen, check)
    local facts = seen.facts
    local octets = seen.message and seen.message:raw "UNKNOWN-ATTRIBUTES"
    if not octets or #octets % 2 ~= 0 or not seen.request then return end
    local listed, missing = {}, {}
    for at = 1, #octets, 2 do listed[string.unpack(">I2", octets, at)] = true end
    for _, attribute in ipairs(seen.request:attributes()) do
      local type = attribute.type
      if type >= FIRST_FREE and type < REQUIRED and not listed[type] then
        missing[#missing + 1] = ("0x%04X"):format(type)
      end
    end
    if facts.request.required_unknown and (seen.complete or #missing == 0) then
      check("5389-7.3.1-01", #missing == 0, {
        label = "all are listed", expected = "every required type that nobody knows",
        got = table.concat(missing, ", ") .. " left out",
      })
    elseif facts.request.has["ACCESS-TOKEN"] and seen.complete and not certain.takes_tokens(facts) then
      check("7635-7-19", listed[0x001B], {
        label = "0x001B is listed", expected = "0x001B in the list", got = "a list without it",
      })
    end
  end,
}
