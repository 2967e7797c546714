-- SPDX-License-Identifier: BSD-3-Clause
--
-- A captured request, sent again by somebody else or too late. RFC 7635 section 11, AMB-05, AMB-47: nothing looks for a
-- replay of the token itself, the nonce does.

local scenario = require "support.scenario"

scenario "from-elsewhere" {
  title = "a captured Allocate, sent octet for octet from another 5-tuple, makes no allocation",
  covers = { "7635-11-05" },
  transports = "each",
  faults = { "accept-foreign-nonce" },
  run = function(t)
    local _, served = t:allocation()
    local answer, thief = t:again_as_sent(function() return t:client(), served end,
      "the captured Allocate from another 5-tuple")
    thief.allocated = answer:is_success().ok
    thief.token, thief.session_key = served.request.token, served.request.key
    t:check("7635-11-05", answer:is_error(438, 401))
  end,
}

-- Where messages may get lost the very request is taken for a retransmission for 40 s, and has to get the first answer
-- again (RFC 5389 7.3.1). There a nonce must live as long to be the one that decides.
local RETRANSMISSIONS <const> = 40

scenario "after-the-nonce" {
  title = "a captured Allocate, sent again from its own 5-tuple when its nonce is over, makes no allocation",
  covers = { "7635-11-05" },
  transports = "each",
  needs = { "third-party", "long-nonces" },
  faults = { "accept-outlived-nonce" },
  limit = 3700,
  run = function(t)
    local may_lose = t.transport:match "^udp" or t.transport:match "^dtls"
    if may_lose and t.profile.nonce_lifetime < RETRANSMISSIONS then
      t:skip(("over %s the same request is a retransmission for %d s, and a nonce of this target is over after %g s")
        :format(t.transport, RETRANSMISSIONS, t.profile.nonce_lifetime))
    end
    local client, served = t:allocation()
    local deleted = t:refresh(client, { lifetime = 0, step = "Refresh with LIFETIME 0" })
    if not deleted:is_success().ok then t:inconclusive("the allocation is not deleted: " .. deleted:describe()) end
    t:wait(t.profile.nonce_lifetime + 2)
    local answer = t:again_as_sent(function() return client, served end,
      "the captured Allocate after the lifetime of its nonce")
    if answer.unsent then t:skip "the server closed the connection, and so there is no such 5-tuple any more" end
    client.allocated = answer:is_success().ok
    t:check("7635-11-05", answer:is_error(438, 401))
  end,
}
