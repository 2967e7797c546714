-- SPDX-License-Identifier: BSD-3-Clause
--
-- Token requests of 548 octets or more over UDP and IPv4, as captures show them. A client cannot shrink its token, so
-- that it is to blame only where the request would be as large with a usual one. RFC 7635 section 6.2, AMB-42.

local invariant = require "support.invariant"

local LARGE <const> = 548 -- octets
local USUAL <const> = 64 -- octets of a token with a mac_key of 20

invariant "large-requests" {
  title = "token requests over UDP and IPv4 stay below 548 octets",
  covers = { "7635-6.2-02" },
  role = "client",
  about = { class = "request", transport = "udp", family = 4, large = true, has = { "ACCESS-TOKEN" } },
  each = true,
  judge = function(seen, check, note)
    local least = #seen.octets - #seen.message:raw "ACCESS-TOKEN" + USUAL
    if least < LARGE then
      note(("7635-6.2-02: a request of %d octets or more over UDP, for which its token is to blame"):format(LARGE))
    else
      check("7635-6.2-02", false, {
        expected = ("less than %d octets"):format(LARGE),
        got = "as many or more, whatever the length of its token",
      })
    end
  end,
}
