-- SPDX-License-Identifier: BSD-3-Clause
--
-- Fresh 5-tuples: endpoints on local ports that a run has not used before, over whatever protocol. A server may
-- remember the 5-tuple of an allocation for some time after its end, and what it remembers would answer for whoever has
-- it next.

local net = require "net"

local fresh = {}

local MOST_PORTS <const> = 64 -- tried for one that this run has not used

-- Over UDP; the endpoint of any other protocol takes the port of one of these.
local function fresh_udp(bench, remote)
  local held, endpoint, problem = {}, nil, nil
  for _ = 1, MOST_PORTS do
    endpoint, problem = net.udp { remote = remote }
    if not endpoint or bench.any_port then break end
    local port = endpoint:address().port
    if not bench.used_ports[port] then
      bench.used_ports[port] = true
      break
    end
    held[#held + 1] = endpoint -- so that the kernel gives another one
  end
  for _, other in ipairs(held) do
    if other ~= endpoint then other:close() end
  end
  return endpoint, problem
end

local function is_taken(problem)
  return problem:find("Address already in use", 1, true) or problem:find("Cannot assign requested address", 1, true)
end

-- An endpoint that open(local address) makes, on a port as above. Another program may take the port in between, or have
-- it already over TCP; then the next one is tried.
local function on_fresh_port(bench, remote, open)
  local endpoint, problem
  for _ = 1, MOST_PORTS do
    local probe, none = fresh_udp(bench, remote)
    if not probe then return nil, none end
    local address = probe:address()
    probe:close()
    endpoint, problem = open(address)
    if endpoint or not is_taken(problem) then break end
  end
  return endpoint, problem
end

local function open_secure(open)
  return function(bench, remote, seconds)
    return on_fresh_port(bench, remote, function(address) return open(bench:handshake(remote, seconds, address)) end)
  end
end

local openers = {
  udp = fresh_udp,
  tcp = function(bench, remote, seconds)
    return on_fresh_port(bench, remote, function(address)
      return net.tcp { remote = remote, address = address, timeout = seconds }
    end)
  end,
  tls = open_secure(net.tls), dtls = open_secure(net.dtls),
}

-- An endpoint of the protocol (udp, tcp, tls, dtls), opened within so many seconds. nil, text when there is none.
function fresh.open(bench, protocol, remote, seconds)
  return openers[protocol](bench, remote, seconds)
end

return fresh
