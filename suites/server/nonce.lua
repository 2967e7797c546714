-- SPDX-License-Identifier: BSD-3-Clause
--
-- Nonces and the client they were given to. RFC 8489 section 9.2.4.

local scenario = require "support.scenario"

local AT_ONCE <const> = 1 -- second: no nonce ends as soon

scenario "per-client" {
  title = "two clients never get the same nonce, and one does not serve the other",
  covers = { "8489-9.2.4-01" },
  faults = { "share-nonce" },
  run = function(t)
    local soften = not t.profile.rfc8489 and "8489-9.2.4-01" or nil -- RFC 5389 does not ask for it
    local control = t:control {}
    local seen, repeated = {}, 0
    for _ = 1, 50 do
      local client = t:client()
      t:challenged(client)
      if seen[client.nonce] then repeated = repeated + 1 end
      seen[client.nonce] = true
    end
    t:check("8489-9.2.4-01", repeated == 0, {
      label = "50 clients", soften = soften,
      expected = "50 different nonces", got = ("%d of 50 were given out before"):format(repeated),
    })
    -- The nonce of another client may have ended before it was presented, where something held that up; it had not
    -- where it still serves its own. Nor need it serve once it was refused, so what is refused at once is believed.
    local answer
    for _ = 1, 3 do
      local other = t:client()
      t:challenged(other)
      local given = t:now()
      answer = t:with_defect(control, { nonce = other.nonce })
      if answer:code() ~= 438 or t:now() - given < AT_ONCE then break end
      local own = t:on(other, "Allocate", { nonce = other.nonce, step = "Allocate, its own nonce" })
      if own:is_success().ok then break end
      answer.unclear = "the nonce may have ended before it was presented, which took over a second"
    end
    t:check("8489-9.2.4-01", answer:is_error(438, 401), { label = "the nonce of another client", soften = soften })
  end,
}
