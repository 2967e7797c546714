-- SPDX-License-Identifier: BSD-3-Clause
--
-- Which way to write an AES-CBC-HMAC token a target takes: the text leaves it open, and AMB-29 names the forms.

local cbc = {}

local forms = { "F1", "F2", "F3", "F3-bare" }

-- t: the hands of a scenario; kid: of a key of such an algorithm. The first form in which the target takes a token (nil
-- where it takes none), and the expectations of all that were asked.
function cbc.form(t, kid)
  local outcomes = {}
  for i, form in ipairs(forms) do
    local answer = t:allocate { token = { kid = kid, form = form }, step = "Allocate, a token of form " .. form }
    outcomes[i] = answer:is_success()
    t:put_down(answer.client)
    if outcomes[i].ok then return form, outcomes end
  end
  return nil, outcomes
end

return cbc
