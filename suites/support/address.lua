-- SPDX-License-Identifier: BSD-3-Clause
--
-- Addresses as reports write them.

local address = {}

-- "192.0.2.1:3478", "[2001:db8::1]:3478". one: { address =, port = }.
function address.text(one)
  local format = one.address:find(":", 1, true) and "[%s]:%d" or "%s:%d"
  return format:format(one.address, one.port)
end

return address
