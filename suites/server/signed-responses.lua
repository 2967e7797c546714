-- SPDX-License-Identifier: BSD-3-Clause
--
-- Integrity in responses, and what they need not repeat. RFC 7635 section 7, RFC 5389 section 10.2.2.

local bytes = require "bytes"
local scenario = require "support.scenario"

-- Whether chance kept an answer from deciding anything: then neither does its check.
local function undecided(answer)
  return answer.unclear and not answer.remembered
end

-- The answer to an Allocate on a 5-tuple that has an allocation. A connection may be lost meanwhile, one of DTLS to a
-- ClientHello that comes twice, so what decides nothing is asked for anew, three times at most.
local function second_allocate(t)
  local answer
  for _ = 1, 3 do
    local client = t:allocation()
    answer = t:on(client, "Allocate", { step = "Allocate on a 5-tuple that has an allocation" })
    t:put_down(client)
    if not undecided(answer) and not answer.closed then break end
  end
  return answer
end

-- Error responses that can only come after the request was authenticated: label, code, reply. Where the same request
-- without credentials gets anything but 401, the server looks before it authenticates (judged by 5389-7.3-01), and then
-- its answer says nothing about what comes after.
local function errors_after_authentication(t)
  local cases = {}
  local function add(label, code, answer)
    if answer:code() == code or undecided(answer) then
      cases[#cases + 1] = { label, answer }
    else
      t:note("%s: no %d to look at: %s", label, code, answer:describe())
    end
  end
  local function unless_before(label, code, spec)
    local bare = { credentials = false }
    for field, value in pairs(spec) do bare[field] = value end
    local early = t:allocate(bare)
    if early:code() ~= 401 then
      t:note("%s: %s already without credentials", label, early:describe())
    else
      add(label, code, t:allocate(spec))
    end
  end
  unless_before("400, no REQUESTED-TRANSPORT", 400, { protocol = false })
  unless_before("420", 420, { attributes = { { 0x7F00, "unknown" } } })
  unless_before("442", 442, { protocol = 99 })
  add("437, a second Allocate", 437, second_allocate(t))
  add("437, Refresh without allocation", 437, t:on(t:client(), "Refresh", {}))
  return cases
end

scenario "signed-errors" {
  title = "error responses after authentication carry integrity under mac_key",
  covers = { "7635-7-17" },
  faults = { "leave-437-unsigned", "leave-400-unsigned", "leave-420-unsigned", "leave-442-unsigned" },
  transports = "each",
  run = function(t)
    local cases = errors_after_authentication(t)
    if #cases == 0 then t:inconclusive "no error response that came after authentication" end
    for _, case in ipairs(cases) do t:check("7635-7-17", case[2]:is_signed(), { label = case[1] }) end
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
      { "438", { nonce = bytes.hex(bytes.random(32)):sub(1, #control.answer.request.NONCE) } },
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
  faults = { "repeat-username", "repeat-realm", "repeat-nonce", "repeat-realm-in-errors" },
  run = function(t)
    local client, allocated = t:allocation()
    local peer = t:peer(client)
    local answers = {
      { "Allocate success", allocated },
      { "Refresh success", t:refresh(client, { lifetime = 600 }) },
      { "CreatePermission", t:create_permission(client, { peer = peer }) },
      { "ChannelBind", t:channel_bind(client, { peer = peer, channel = 0x4003 }) },
      { "an error response", t:on(client, "Allocate", {
        attributes = { { 0x7F00, "unknown" } }, step = "Allocate, unknown attribute",
      }) },
    }
    for _, case in ipairs(answers) do
      local label, answer = case[1], case[2]
      local code = answer:code()
      if code ~= 401 and code ~= 438 then
        t:check("5389-10.2.2-09", answer:lacks("REALM", "NONCE", "USERNAME"), { label = label })
      end
    end
  end,
}
