-- SPDX-License-Identifier: BSD-3-Clause
--
-- The STUN server name is the associated data, so that a token is good at one server only. RFC 7635 section 6.2.

local scenario = require "support.scenario"

scenario "token-for-another-server" {
  title = "a token made for another server name gets 401",
  covers = { "7635-6.2-17" },
  faults = { "accept-other-server" },
  transports = "each",
  run = function(t)
    local control = t:control {}
    local name = t.bench.server_name
    local function refused(label, other)
      t:refused("7635-6.2-17", control, { token = { server_name = other } }, 401, { label = label })
    end
    refused("another name", "other-" .. name)
    refused("no name", "")
    refused("the name and a NUL", name .. "\0")
    local other_case = name:upper() ~= name and name:upper() or name:lower()
    if other_case ~= name then refused("the name in other case", other_case) end
    local realm = t.bench.realm
    if realm and realm ~= name then refused("the realm", realm) end
  end,
}
