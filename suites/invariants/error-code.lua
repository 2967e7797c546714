-- SPDX-License-Identifier: BSD-3-Clause
--
-- ERROR-CODE in every error response. RFC 5389 sections 7.3.1.1 and 15.6.

local invariant = require "support.invariant"

invariant "error-code" {
  title = "every error response has a well-formed ERROR-CODE",
  covers = { "5389-7.3.1.1-01" },
  faults = {
    "write-code-as-number", "omit-error-code", "write-latin-1-reason", "write-long-reason",
    "pad-reason-inside", "set-reserved-bits",
  },
  judge = function(seen, check)
    local m, id = seen.message, "5389-7.3.1.1-01"
    if not m or m:class() ~= "error" then return end
    local value, problem = m:get "ERROR-CODE"
    check(id, m:has "ERROR-CODE", { label = "present", expected = "ERROR-CODE", got = "none" })
    if not m:has "ERROR-CODE" then return end
    local readable = type(value) == "table" and value.class and value.class >= 3 and value.class <= 6
      and value.number <= 99
    check(id, readable, {
      label = "class and number", expected = "a class from 3 to 6 and a number from 0 to 99",
      got = type(value) == "table" and ("class %d, number %d"):format(value.class, value.number) or problem,
    })
    if type(value) ~= "table" then return end
    -- How it is encoded beyond that harms nobody.
    local function tidy(label, ok, expected, got)
      check(id, ok, { label = label, expected = expected, got = got, soften = id })
    end
    tidy("reserved bits", value.reserved == 0, "reserved bits of zero", ("0x%X"):format(value.reserved or 0))
    local length = utf8.len(value.reason)
    tidy("reason in UTF-8", length ~= nil, "a reason phrase in UTF-8", "octets that are not UTF-8")
    tidy("reason length", (length or #value.reason) < 128, "a reason phrase of less than 128 characters",
      ("%d"):format(length or #value.reason))
    tidy("reason without NUL", not value.reason:find("\0", 1, true), "a reason phrase without NUL",
      "NUL inside the length of the attribute")
  end,
}
