-- SPDX-License-Identifier: BSD-3-Clause
--
-- The key logs of TLS and DTLS that --keylog names, read before anything is done with them: what is none is a slip of
-- the command line, and would otherwise only show in connections that stay opaque.

local capture = require "capture"
local system = require "system"

local keylogs = {}

-- The texts of these files. nil, text when one cannot be read, is no key log, or all have more than can be held.
function keylogs.read(paths)
  local texts, store = {}, capture.secrets()
  for i, path in ipairs(paths) do
    local text, problem = system.read(path)
    if not text then return nil, "--keylog: " .. problem end
    local found, malformed = store:add(text)
    if not found then return nil, ("--keylog: %s: %s"):format(path, malformed) end
    if found == 0 and malformed > 0 then
      return nil, ("--keylog: %s: no line of it is one of a TLS key log (LABEL, client random and secret in "
        .. "hexadecimal, as SSLKEYLOGFILE has them)"):format(path)
    end
    texts[i] = text
  end
  return texts
end

return keylogs
