-- SPDX-License-Identifier: BSD-3-Clause
--
-- What captures show of those who issue tokens, where the tokens open. RFC 7635 section 6.2, RFC 5116 section 3.2.

local invariant = require "support.invariant"

invariant "tokens" {
  title = "a token has a nonce of the right length that no other token has, and a timestamp in seconds since 1970",
  covers = { "7635-6.2-07", "7635-6.2-08", "7635-6.2-12" },
  role = "token",
  about = { class = "request", token = "opened", transaction = "new" },
  judge = function(seen, check)
    local facts = seen.facts
    check("7635-6.2-07", not facts.token_nonce_length, {
      expected = "a nonce of the length that the algorithm prescribes", got = "one of another length",
    })
    check("7635-6.2-08", not facts.token_nonce_repeated, {
      expected = "a nonce that no other token of this kid has", got = "the nonce of another token",
    })
    check("7635-6.2-12", not facts.token_timestamp, {
      expected = "seconds since 1970 in the upper 48 bits",
      got = "a time before RFC 7635, or 50 years ahead of the packet",
    })
  end,
}
