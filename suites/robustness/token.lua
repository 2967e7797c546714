-- SPDX-License-Identifier: BSD-3-Clause
--
-- Tokens whose structure is impossible: outside, where the tag does not verify, and inside, where it does. RFC 7635
-- sections 6.2 and 7. What a black box sees of memory that is overwritten is that the target dies, or goes on: a
-- nonce_length above what the target has room for may corrupt it and kill it later, or never. So the messages sent
-- since it was started are kept, and where the last of them do not do it again, all of them are tried.

local battery = require "support.battery"
local mutation = require "support.mutation"
local scenario = require "support.scenario"

-- One kid of each algorithm.
local function kids_of(t)
  local kids, seen = {}, {}
  for _, key in ipairs(t.profile.keys) do
    if not seen[key.algorithm] then
      seen[key.algorithm] = true
      kids[#kids + 1] = key.kid
    end
  end
  return kids
end

scenario "sealed-fields" {
  title = "the target withstands correctly sealed tokens whose fields are impossible",
  covers = { "7635-7-05" },
  needs = { "third-party" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "crash-on-long-key" },
  run = function(t)
    battery.withstands(t, {
      make = function() return mutation.sealed_fields(kids_of(t)) end, requirement = "7635-7-05",
    })
  end,
}

scenario "structure" {
  title = "the target withstands tokens of every wrong length, and with any octet changed",
  covers = { "7635-7-05" },
  needs = { "third-party" },
  alone = true,
  harm = true,
  limit = 600,
  faults = { "crash-on-long-nonce", "hang-on-empty-token", "hang-on-missing-tag" },
  run = function(t)
    battery.withstands(t, {
      make = function(session) return mutation.token_structure(session, kids_of(t)) end, requirement = "7635-7-05",
    })
  end,
}
