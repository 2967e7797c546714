-- SPDX-License-Identifier: BSD-3-Clause
--
-- The names of transports as profiles, ids and reports use them: a protocol at the target's address, or, with a 6
-- behind it, the same protocol at its second one, which is of IPv6.

local transports = { names = {} }

local protocols = { "udp", "tcp", "tls", "dtls" }

for _, suffix in ipairs { "", "6" } do
  for _, protocol in ipairs(protocols) do transports.names[#transports.names + 1] = protocol .. suffix end
end

-- What is spoken: udp, tcp, tls or dtls.
function transports.protocol(name) return (name:gsub("6$", "")) end

-- Whether it is spoken at the second address.
function transports.is_second(name) return name:sub(-1) == "6" end

-- Whether messages may get lost, and are sent again.
function transports.is_datagram(name)
  local protocol = transports.protocol(name)
  return protocol == "udp" or protocol == "dtls"
end

-- Whether it is encrypted.
function transports.is_secure(name)
  local protocol = transports.protocol(name)
  return protocol == "tls" or protocol == "dtls"
end

return transports
