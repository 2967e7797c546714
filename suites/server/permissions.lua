-- SPDX-License-Identifier: BSD-3-Clause
--
-- CreatePermission and ChannelBind in a token session: they carry no token, the session key speaks for them. RFC 7635
-- section 9, AMB-21, AMB-22.

local bytes = require "bytes"
local expect = require "support.expect"
local scenario = require "support.scenario"

-- An address for permissions. It need not answer; a server may forbid it, and then there is nothing to judge.
local function peer_of(t, client)
  return t.profile.peer or { address = client.endpoint:address().address, port = 50000 }
end

local function unless_forbidden(t, answer)
  if answer:code() == 403 then t:skip("the server forbids the peer (403)") end
  return answer
end

scenario "session-key" {
  title = "CreatePermission and ChannelBind without a token are accepted under the session key, and signed",
  covers = { "7635-9-12" },
  transports = "each",
  run = function(t)
    local client = t:allocation()
    local peer = peer_of(t, client)
    local permitted = unless_forbidden(t, t:create_permission(client, { peer = peer }))
    t:check("7635-9-12", expect.all { permitted:is_success(), permitted:is_signed() }, { label = "CreatePermission" })
    local bound = unless_forbidden(t, t:channel_bind(client, { peer = peer, channel = 0x4000 }))
    t:check("7635-9-12", expect.all { bound:is_success(), bound:is_signed() }, { label = "ChannelBind" })
  end,
}

scenario "other-keys" {
  title = "requests on an allocation under any other key than its own are refused",
  covers = { "7635-9-13" },
  allocations = 2,
  run = function(t)
    local client = t:allocation()
    local stranger = t:allocation()
    local peer = peer_of(t, client)
    local requests = {
      { "CreatePermission", { peer = peer, token = false } },
      { "ChannelBind", { peer = peer, channel = 0x4001, token = false } },
      { "Refresh", { lifetime = 600, token = false } },
    }
    local keys = {
      { "a random key", function() return bytes.random(20) end },
      { "the key of another session", function() return stranger.session_key end },
    }
    -- A server may want a token in a Refresh, so the control is the request that none of them needs a token for.
    unless_forbidden(t, t:create_permission(client, { peer = peer }))
    t:control({ on = client, peer = peer }, "CreatePermission")
    for _, request in ipairs(requests) do
      for _, key in ipairs(keys) do
        local spec = { integrity_key = key[2], step = request[1] .. " under " .. key[1] }
        for field, value in pairs(request[2]) do spec[field] = value end
        t:check("7635-9-13", t:on(client, request[1], spec):is_refused(), { label = request[1] .. ", " .. key[1] })
      end
    end
  end,
}

scenario "token-attached" {
  title = "a token in a CreatePermission request does no damage",
  covers = { "7635-9-14" },
  run = function(t)
    local client = t:allocation()
    local peer = peer_of(t, client)
    unless_forbidden(t, t:create_permission(client, { peer = peer }))
    local answer = t:create_permission(client, { peer = peer, token = client.token, step = "CreatePermission with the token" })
    t:check("7635-9-14", expect.any { answer:is_success(), answer:is_error(400, 420) }, { label = "the answer" })
    t:check("7635-9-14", t:refresh(client, { lifetime = 600 }):is_success(), { label = "the allocation lives on" })
  end,
}
