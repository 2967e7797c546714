-- SPDX-License-Identifier: BSD-3-Clause
--
-- CreatePermission and ChannelBind under the session key, as captures show them. RFC 7635 section 9, AMB-21, AMB-22.

local certain = require "support.certain"
local invariant = require "support.invariant"

invariant "session-key" {
  title = "CreatePermission and ChannelBind without a token are accepted under the session key",
  covers = { "7635-9-12" },
  faults = {
    "demand-token-for-permission", "demand-token-for-channel", "keep-old-session-key", "keep-old-session-kid",
  },
  role = "server",
  about = {
    class = { "success", "error" }, asked = "seen", repeated = false,
    request = { transaction = "new", method = { "CreatePermission", "ChannelBind" }, token = "absent",
      token_session = true, session_time = { "good", "late" }, allocation = "held" },
  },
  judge = function(seen, check)
    local facts, request = seen.facts, seen.facts.request
    local code = certain.code(facts)
    if not certain.signed(request) or not request.form_proven or request.kid_other or not certain.complete(request)
      or not certain.plain(request) then
      return
    end
    -- Other refusals may be about the peer or the channel, and the token may be over by the server's clock.
    -- A challenge with another nonce may come of a server that was started anew and knows of no session.
    local certain_401 = seen.complete or (request.session_time == "good" and facts.nonce_same)
    if code == 0 or (code == 401 and certain_401) then
      check("7635-9-12", code == 0, {
        label = "accepted", expected = "success under the session key", got = certain.describe(facts),
      })
    end
  end,
}
