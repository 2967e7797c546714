-- SPDX-License-Identifier: BSD-3-Clause
--
-- Stands in for suites/reference/serve.lua in a copy of the suites (tests/e2e/hostile.t): ends TLS and DTLS where
-- ASSAY_TLS_PORT and ASSAY_DTLS_PORT say, and passes what is in them to ASSAY_PORT over TCP and UDP, and back, as it
-- comes.

local net = require "net"
local system = require "system"

local front = {}

local RECORD <const> = 16384 -- octets, at most

local function address(name)
  local port = system.environment(name)
  return port and port ~= "" and { address = system.environment "ASSAY_ADDRESS", port = tonumber(port) } or nil
end

-- Passes on what comes from one to the other until either is closed.
local function pass(from, to, most)
  net.spawn(function()
    while true do
      local octets = from:receive()
      if not octets or not to:send(most and octets:sub(1, most) or octets) then break end
    end
    from:close()
    to:close()
  end)
end

local function serve(listener, open, most)
  assert(listener)
  net.spawn(function()
    while true do
      local client = listener:accept()
      if not client then return end
      local target = open()
      if target then
        pass(client, target)
        pass(target, client, most)
      else
        client:close()
      end
    end
  end)
end

function front.main()
  return net.run(function()
    local files = { certificate = system.environment "ASSAY_CERTIFICATE", key = system.environment "ASSAY_PRIVATE_KEY" }
    local behind, tls, dtls = address "ASSAY_PORT", address "ASSAY_TLS_PORT", address "ASSAY_DTLS_PORT"
    local function at(place) return { address = place, certificate = files.certificate, key = files.key } end
    if tls then
      serve(net.tls_listener(at(tls)), function()
        local endpoint = net.tcp { remote = behind }
        return endpoint and endpoint:unframed()
      end)
    end
    if dtls then serve(net.dtls_listener(at(dtls)), function() return net.udp { remote = behind } end, RECORD) end
    system.write(1, "front: up\n")
    net.condition():wait()
    return 0
  end)
end

return front
