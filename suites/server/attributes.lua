-- SPDX-License-Identifier: BSD-3-Clause
--
-- Attributes that come twice, and octets that do not count. RFC 5389 section 15.

local expect = require "support.expect"
local scenario = require "support.scenario"

scenario "first-token-counts" {
  title = "of two ACCESS-TOKENs the first one counts",
  covers = { "5389-15-03" },
  faults = { "take-last-token", "drop-duplicates", "crash-on-long-nonce" },
  run = function(t)
    local control = t:control {}
    local bad = t:random(64)
    local good_first = t:with_defect(control, { attributes = { { "ACCESS-TOKEN", bad } } })
    t:check("5389-15-03", expect.any { good_first:is_success(), good_first:is_error(400, 401) },
      { label = "good, then bad: success, 400 or 401" })
    t:note("good, then bad: %s", good_first:describe())
    if not good_first.message then return end
    local bad_first = t:with_defect(control, {
      edits = { { "insert", { "ACCESS-TOKEN", bad }, before = "ACCESS-TOKEN" } },
    })
    t:check("5389-15-03", bad_first:is_refused(), { label = "bad, then good: no success" })
  end,
}

-- The nonce of a challenge comes back with other padding, on a fresh 5-tuple: the client, and the reply; nil where
-- there is nothing to pad. Its 438 is not answered with the new nonce, which would be padded no better; the same nonce
-- without that padding tells whether it had just ended.
local function with_nonce_padded(t)
  local client = t:client()
  local challenged, problem = client:challenge()
  if not client.nonce and client.realm then return nil end -- its challenge gives none
  if not challenged then t:inconclusive(problem) end
  local missing = -#client.nonce % 4
  if missing == 0 then return nil end
  local function ask(edits)
    return t:on(client, "Allocate", { nonce = client.nonce, edits = edits, step = "Allocate, NONCE padded with 0xFF" })
  end
  local answer = ask { { "padding", "NONCE", ("\xFF"):rep(missing) } }
  if answer:code() == 438 and not ask({}):is_success().ok then answer.unclear = "the nonce ended meanwhile" end
  return client, answer
end

-- Whether that was judged. What loss or doubling may have brought about is asked for anew, three times at most.
local function nonce_padded(t)
  local client, answer
  for _ = 1, 3 do
    client, answer = with_nonce_padded(t)
    if not client then return false end
    t:put_down(client)
    if answer.remembered or not answer.unclear and answer:code() ~= 437 then break end
  end
  t:check("5389-15-02", answer:is_success(), { label = "NONCE" })
  return true
end

scenario "padding-is-no-content" {
  title = "what padding holds is ignored",
  covers = { "5389-15-02" },
  faults = { "read-to-the-nul", "read-token-to-the-nul" },
  run = function(t)
    local control = t:control {}
    local function padded(attribute, octets)
      return t:with_defect(control, { edits = { { "padding", attribute, octets } } })
    end
    local any = false
    for _, attribute in ipairs { "USERNAME", "REALM" } do
      local length = #(control.answer.request[attribute] or "")
      local missing = -length % 4
      if missing > 0 then
        any = true
        t:check("5389-15-02", padded(attribute, ("\xFF"):rep(missing)):is_success(), { label = attribute })
      end
    end
    any = nonce_padded(t) or any
    -- A mac_key of 21 octets makes a token of 65, where the target takes such a key.
    local odd = t:allocate { token = { mac_key = t:random(21) }, step = "Allocate, a token of 65 octets" }
    t:put_down(odd.client)
    if odd:is_success().ok then
      any = true
      t:accepted("5389-15-02", {
        token = { mac_key = t:random(21) }, edits = { { "padding", "ACCESS-TOKEN", "\xFF\xFF\xFF" } },
        step = "Allocate, a token of 65 octets padded with 0xFF",
      }, { label = "ACCESS-TOKEN" })
    end
    if not any then t:skip "kid, realm, nonce and token of this target have lengths that need no padding" end
  end,
}
