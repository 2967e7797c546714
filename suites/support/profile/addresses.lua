-- SPDX-License-Identifier: BSD-3-Clause
--
-- Where the target of a profile is: host names are resolved, ports chosen where they are left to us, and what this
-- machine cannot reach is left out.

local net = require "net"
local transports = require "support.transports"

local addresses = {}

-- TLS is not spoken on the port of TCP, nor DTLS on that of UDP.
local carriers = { { udp = "udp", tcp = "tcp" }, { tls = "tcp", dtls = "udp" } }

-- Free ports by protocol: one for those without TLS, one for those with it, each free at both hosts. also: the second
-- of them, or nil. nil, text when there are none.
local function free_ports(host, also, names)
  local ports, taken = {}, {}
  local spoken = {}
  for _, name in ipairs(names) do spoken[transports.protocol(name)] = true end
  for _, carrier in ipairs(carriers) do
    local protocols, kinds = {}, {}
    for protocol, kind in pairs(carrier) do
      if spoken[protocol] then protocols[#protocols + 1], kinds[#kinds + 1] = protocol, kind end
    end
    local free, busy
    repeat
      if #protocols == 0 then break end
      free, busy = net.free_port { address = host, also = also, transports = kinds }
      if not free then return nil, busy end
    until not taken[free]
    for _, protocol in ipairs(protocols) do ports[protocol], taken[free] = free, true end
  end
  return ports
end

-- The first address of a host for which is_wanted(address); nil, text when it has none, and which it has.
local function resolve(host, is_wanted)
  local found, problem = net.resolve(host)
  if not found then return nil, ("%s: %s"):format(host, problem) end
  for _, one in ipairs(found) do
    if is_wanted(one.address) then return one.address end
  end
  return nil, ("%s: it has no such address"):format(host), found[1].address
end

local function is_ipv6(host) return host:find(":", 1, true) ~= nil end

-- Why this machine cannot use the second address, or nil: it has none of that family, or no way there.
local function unusable(p, host)
  local spec = p.launch and { address = { address = host, port = 0 } } or { remote = { address = host, port = 9 } }
  local endpoint, problem = net.udp(spec)
  if endpoint then return endpoint:close() end
  local loopback = host == "::1" and " (it has no IPv6 loopback)" or ""
  return ("IPv6 cannot be used on this machine%s: %s"):format(loopback, problem)
end

-- The addresses by transport: { udp = { address =, port = }, tcp = … }. Free ports are chosen for a launched target
-- that names none. Transports of a second address that this machine cannot use are left out, and `unreachable` of the
-- profile says why, by transport. nil, text when a name does not resolve, or nothing is left.
function addresses.of(p)
  -- A name with addresses of both families stands for that of IPv4 where the other is asked for too.
  local host, problem, other = resolve(p.address, function(one) return not (p.address6 and is_ipv6(one)) end)
  host = host or other
  if not host then return nil, problem end
  local also, why_not
  local reachable = {}
  p.unreachable = {}
  for _, name in ipairs(p.transports) do
    if transports.is_second(name) and not also and not why_not then
      also, problem = resolve(p.address6, is_ipv6)
      if not also then return nil, problem .. ": address6 is an address of IPv6" end
      why_not = unusable(p, also)
      if why_not then also = nil end
    end
    if transports.is_second(name) and why_not then
      p.unreachable[name] = why_not
    else
      reachable[#reachable + 1] = name
    end
  end
  if #reachable == 0 then return nil, why_not end
  local ports = p.ports
  if not ports then
    ports, problem = free_ports(host, also, reachable)
    if not ports then return nil, problem end
  end
  local found = {}
  for _, name in ipairs(reachable) do
    found[name] = { address = transports.is_second(name) and also or host, port = ports[transports.protocol(name)] }
  end
  return found
end

return addresses
