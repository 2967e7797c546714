-- SPDX-License-Identifier: BSD-3-Clause
--
-- Requirements that a probe of a server could be about and that nothing judges yet, each with the reason: id -> a text.
-- A requirement that nothing at all can observe says so in the catalogue (untestable). One that a scenario or an
-- invariant judges may not stand here.

local issuer = "only who issues tokens can break it, and no suite puts an authorization server to the test: "
  .. "the tokens that a server is given here are made by assay"

return {
  ["7635-6.2-07"] = issuer,
  ["7635-6.2-08"] = issuer,
  ["7635-6.2-12"] = issuer,
  ["7635-6.2-13"] = issuer,
}
