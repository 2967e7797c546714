-- SPDX-License-Identifier: BSD-3-Clause
--
-- What is inside the token of a request, as lines below the decoded message: evidence for whoever has the long-term
-- keys. A mac_key is shown only to whom secrets may be told.

local bytes = require "bytes"
local clock = require "clock"
local token = require "token"

local opened = {}

local INDENT <const> = "        "

-- A 48-bit count of seconds reaches far beyond what can be written as a date.
local function time_of(seconds)
  return seconds < 2e11 and clock.utc(seconds) or ("%d s after 1970"):format(seconds)
end

local function inside(long_term, found, with_secrets)
  local key = with_secrets and bytes.base64(found.mac_key) or "hidden (--with-secrets shows it)"
  return ("%sthe token, opened under %s (%s): lifetime %d s, issued %s and %d/64000 s%s\n%skey_length %d, mac_key %s\n")
    :format(INDENT, long_term.kid, long_term.algorithm, found.lifetime, time_of(found.seconds), found.fraction,
      #found.extra > 0 and (", %d octets behind the lifetime"):format(#found.extra) or "", INDENT, #found.mac_key, key)
end

-- known: the long-term keys and the name of a server, as support/context.lua takes them, looked at anew each time.
-- Returns a function: message → text, nil where it has no token or one under a kid that is not known.
function opened.by(known, with_secrets)
  return function(message)
    local octets, kid = message:raw "ACCESS-TOKEN", message:raw "USERNAME"
    if not octets or not kid or not known.server_name then return nil end
    for _, key in ipairs(known.keys) do
      if key.kid == kid then
        local found, problem, offset = token.open {
          algorithm = key.algorithm, key = key.octets, server_name = known.server_name, token = octets,
        }
        return found and inside(key, found, with_secrets)
          or ("%sthe token does not open under %s (%s): %s%s\n"):format(INDENT, key.kid, key.algorithm, problem,
            offset and (" (octet %d of the token)"):format(offset) or "")
      end
    end
  end
end

return opened
