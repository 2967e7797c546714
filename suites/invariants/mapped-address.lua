-- SPDX-License-Identifier: BSD-3-Clause
--
-- The address that a server sees its client at, as captures show it. Behind a NAT it is another than the capture's, so
-- that it says something only where both ends are one machine, and nothing of the way is missing: a proxy may stand on
-- one machine too. RFC 5766 section 6.2.

local invariant = require "support.invariant"

local function is_loopback(address)
  return address:find "^127%." ~= nil or address:find "^%[?::1%]?:?%d*$" ~= nil
end

invariant "mapped-address" {
  title = "XOR-MAPPED-ADDRESS is the address of the client",
  covers = { "5766-6.2-03" },
  faults = { "map-port-backwards", "map-ipv6-as-ipv4" },
  role = "server",
  about = { class = "success", method = "Allocate", asked = "seen", mapped_other = true },
  each = true,
  judge = function(seen, check, note)
    if seen.complete and is_loopback(seen.from) and is_loopback(seen.to) then
      check("5766-6.2-03", false, {
        label = "the mapped address", expected = "the address that asked", got = "another one",
      })
    else
      note "5766-6.2-03: a client is told another address than the capture has, as behind a NAT or a proxy"
    end
  end,
}
