-- SPDX-License-Identifier: BSD-3-Clause
--
-- Integrity in responses, and what they need not repeat. RFC 7635 section 7, RFC 5389 section 10.2.2.

local bytes = require "bytes"
local scenario = require "support.scenario"

-- Error responses that can only come after the request was authenticated: { label, reply }.
local function errors_after_authentication(t)
  local client = t:allocation()
  return {
    { "400, no REQUESTED-TRANSPORT", t:allocate { protocol = false } },
    { "420", t:allocate { attributes = { { 0x7F00, "unknown" } } } },
    { "437, a second Allocate", t:on(client, "Allocate", { step = "Allocate on a 5-tuple that has an allocation" }) },
    { "437, Refresh without allocation", t:on(t:client(), "Refresh", {}) },
    { "442", t:allocate { protocol = 99 } },
  }
end

scenario "signed-errors" {
  title = "error responses after authentication carry integrity under mac_key",
  covers = { "7635-7-17" },
  faults = { "leave-400-unsigned", "leave-420-unsigned", "leave-437-unsigned", "leave-442-unsigned" },
  transports = "each",
  run = function(t)
    for _, case in ipairs(errors_after_authentication(t)) do
      local label, answer = case[1], case[2]
      local code = answer:code()
      if code and code ~= 401 and code ~= 438 then
        t:check("7635-7-17", answer:is_signed(), { label = label })
      else
        t:note("%s: no error response after authentication: %s", label, answer:describe())
      end
    end
  end,
}

scenario "unsigned-or-verifiable" {
  title = "400, 401 and 438 before authentication are unsigned, or verify under a key that the client knows",
  covers = { "7635-7-18" },
  faults = { "sign-400-wrongly", "sign-401-wrongly", "sign-438-wrongly" },
  run = function(t)
    local control = t:control {}
    local cases = {
      { "400", { edits = { { "remove", "REALM" } } } },
      { "401", { token = { change = function(octets, layout) return bytes.flip(octets, layout.tag.offset * 8) end } } },
      { "438", { nonce = bytes.hex(bytes.random(32)):sub(1, #control.answer.client.nonce) } },
    }
    for _, case in ipairs(cases) do
      local answer = t:with_defect(control, case[2])
      if answer:code() == tonumber(case[1]) then
        t:check("7635-7-18", answer:is_unsigned_or_signed(), { label = case[1] })
      else
        t:note("no %s to look at: %s", case[1], answer:describe())
      end
    end
  end,
}

scenario "nothing-repeated" {
  title = "responses to authenticated requests repeat neither REALM nor NONCE nor USERNAME",
  covers = { "5389-10.2.2-09" },
  faults = { "repeat-nonce", "repeat-nonce-in-errors" },
  run = function(t)
    local client, allocated = t:allocation()
    t:check("5389-10.2.2-09", allocated:lacks("REALM", "NONCE", "USERNAME"), { label = "Allocate success" })
    local second = t:on(client, "Allocate", { attributes = { { 0x7F00, "unknown" } }, step = "Allocate, unknown attribute" })
    local code = second:code()
    if code and code ~= 401 and code ~= 438 then
      t:check("5389-10.2.2-09", second:lacks("REALM", "NONCE", "USERNAME"), { label = "an error response" })
    end
  end,
}
