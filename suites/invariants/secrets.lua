-- SPDX-License-Identifier: BSD-3-Clause
--
-- No message tells a secret: neither the key of the session nor a long-term key nor a password, as it is or in hex or
-- base64. RFC 7635 section 11.

local bytes = require "bytes"
local invariant = require "support.invariant"

local SHORTEST <const> = 8 -- octets: less may stand anywhere by chance

local function contains(octets, secret)
  if octets:find(secret, 1, true) then return "as it is" end
  local hex = bytes.hex(secret)
  if octets:find(hex, 1, true) or octets:find(hex:upper(), 1, true) then return "in hex" end
  if octets:find((bytes.base64(secret):gsub("=+$", "")), 1, true) then return "in base64" end
end

invariant "secrets" {
  title = "no message tells a session key, a long-term key or a password",
  covers = { "7635-11-09" },
  faults = { "tell-mac-key" },
  judge = function(seen, check)
    local asked = seen.request and seen.request:bytes() or ""
    for _, secret in ipairs(seen.secrets or {}) do
      if #secret[2] >= SHORTEST then
        local how = contains(seen.octets, secret[2])
        -- What the request said itself is no secret any more.
        if how and not contains(asked, secret[2]) then
          check("7635-11-09", false, { expected = "no secret in any message", got = secret[1] .. " " .. how })
          return
        end
      end
    end
    if seen.secrets then check("7635-11-09", true) end
  end,
}
