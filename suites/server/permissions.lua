-- SPDX-License-Identifier: BSD-3-Clause
--
-- CreatePermission and ChannelBind in a token session: they carry no token, the session key speaks for them. RFC 7635
-- section 9, AMB-21, AMB-22.

local bytes = require "bytes"
local expect = require "support.expect"
local scenario = require "support.scenario"

-- A server may forbid any peer it likes, and then there is nothing to judge.
local function unless_forbidden(t, answer)
  if answer:code() == 403 then t:skip("the server forbids the peer (403)") end
  return answer
end

scenario "session-key" {
  title = "CreatePermission and ChannelBind without a token are accepted under the session key, and signed",
  covers = { "7635-9-12" },
  faults = {
    "leave-channelbind-unsigned", "leave-createpermission-unsigned", "demand-token-for-channel",
    "demand-token-for-permission",
  },
  transports = "each",
  run = function(t)
    local client = t:allocation()
    local peer = t:peer(client)
    local permitted = unless_forbidden(t, t:create_permission(client, { peer = peer }))
    t:check("7635-9-12", expect.all { permitted:is_success(), permitted:is_signed() }, { label = "CreatePermission" })
    local bound = unless_forbidden(t, t:channel_bind(client, { peer = peer, channel = 0x4000 }))
    t:check("7635-9-12", expect.all { bound:is_success(), bound:is_signed() }, { label = "ChannelBind" })
  end,
}

-- The answer to a CreatePermission under the key of a second token, on an allocation that was made with the first one
-- (described by `first`) and refreshed with the second by refresh(client). Where the network brings the Allocate once
-- more, behind the Refresh, a server may take its key for the newest: a refusal counts only on three allocations, and
-- not where an Allocate was seen to be doubled. Also returns a function that asks the same under the key of the first;
-- nil after a refusal.
local function permitted_after_refresh(t, first, refresh, step)
  local answer, client, made
  for _ = 1, 3 do
    t:put_down(client)
    client, made = t:allocation { token = first }
    local peer, kid, key = t:peer(client), client.username, client.session_key
    unless_forbidden(t, t:create_permission(client, { peer = peer }))
    refresh(client)
    answer = t:create_permission(client, { peer = peer, step = step })
    if answer:is_success().ok then
      return answer, function(words)
        return t:create_permission(client, {
          peer = peer, username = kid, integrity_key = function() return key end, step = words,
        })
      end
    end
  end
  if t:doubled(made) and answer:code() == 401 then
    answer.unclear = "401, perhaps since the network brought the Allocate once more, behind the Refresh"
  end
  return answer
end

scenario "newest-key" {
  title = "after a Refresh with a new token its key is the session key",
  covers = { "7635-9-12" },
  faults = { "keep-old-session-key", "demand-token-for-permission" },
  run = function(t)
    local permitted, under_the_old_key = permitted_after_refresh(t, {}, function(client)
      t:control({ on = client, lifetime = 600, token = {}, step = "Refresh with a new token" }, "Refresh")
    end, "CreatePermission under the new key")
    t:check("7635-9-12", permitted:is_success())
    if not under_the_old_key then return end
    t:note("the key of the first token after that: %s",
      under_the_old_key "CreatePermission under the old key":describe())
  end,
}

scenario "newest-kid" {
  title = "after a Refresh with a token of another kid that kid and key are those of the session",
  covers = { "7635-9-12" },
  faults = { "keep-old-session-kid" },
  needs = { "two-kids" },
  run = function(t)
    local first, second = t.bench:two_kids()
    local permitted = permitted_after_refresh(t, { kid = first }, function(client)
      local refreshed = t:refresh(client, {
        lifetime = 600, token = { kid = second }, step = "Refresh with a token of another kid",
      })
      -- Which server/refresh/other-kid warns of (AMB-20).
      if refreshed:code() == 441 then t:skip "the server takes no token of another kid on an allocation (441)" end
      if not refreshed:is_success().ok then t:inconclusive("no other kid to begin with: " .. refreshed:describe()) end
    end, "CreatePermission under the new kid")
    t:check("7635-9-12", expect.all { permitted:is_success(), permitted:is_signed() })
  end,
}

scenario "other-keys" {
  title = "requests on an allocation under any other key than its own are refused",
  covers = { "7635-9-13" },
  faults = {
    "skip-integrity", "skip-channel-integrity", "skip-permission-integrity",
    "skip-refresh-integrity", "accept-any-session-key",
  },
  allocations = 2,
  run = function(t)
    local client = t:allocation()
    local stranger = t:allocation()
    local peer = t:peer(client)
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
  faults = { "delete-on-token-in-permission", "drop-token-in-permission", "refuse-token-in-permission" },
  run = function(t)
    local client = t:allocation()
    local peer = t:peer(client)
    unless_forbidden(t, t:create_permission(client, { peer = peer }))
    local answer = t:create_permission(client, {
      peer = peer, token = client.token, step = "CreatePermission with the token",
    })
    t:check("7635-9-14", expect.any { answer:is_success(), answer:is_error(400, 420) }, { label = "the answer" })
    t:check("7635-9-14", t:refresh(client, { lifetime = 600 }):is_success(), { label = "the allocation lives on" })
  end,
}

-- CreatePermission and ChannelBind without integrity: the answers.
local function ask_unsigned(t, client, peer, channel)
  local function unsigned(method, more)
    local spec = {
      credentials = false, peer = peer, attributes = { { "USERNAME", client.username } },
      step = method .. " without integrity",
    }
    for field, value in pairs(more or {}) do spec[field] = value end
    return t:on(client, method, spec)
  end
  return unsigned "CreatePermission", unsigned("ChannelBind", { channel = channel })
end

local function judge_unsigned(t, ...)
  for _, answer in ipairs { ... } do
    local method = answer.request.method
    t:check("5766-9.2-01", answer:is_error(401), { label = method .. ": 401" })
    if answer:code() == 401 then
      t:check("5766-9.2-01", expect.all { answer:has "REALM", answer:has "NONCE" },
        { label = method .. ": the challenge" })
    end
  end
end

-- Nothing may pass before the permission; that it passes afterwards shows that the way is open. Returns whether it is,
-- one way or the other; a note is made of a way that is not.
local function judge_way(t, path)
  local heard = path:permit_back().ok
  local before = heard and path:passes()
  local allowed, forbidden = path:permit()
  local after = allowed.ok and path:passes()
  if before or after then
    t:check("5766-9.2-01", not before, {
      label = "no permission is installed", expected = "nothing is relayed before a permission",
      got = before and "a datagram arrived" or "nothing arrived",
    })
    return true
  end
  t:note("%s: %s", path.name, forbidden and "forbidden (403)"
    or allowed.ok and "nothing arrives with a permission either" or allowed.got)
  return false
end

scenario "without-integrity" {
  title = "CreatePermission and ChannelBind without integrity get 401 and install nothing",
  covers = { "5766-9.2-01" },
  faults = {
    "miss-integrity-by-400", "omit-realm-when-named", "bind-unauthenticated",
    "miss-permission-integrity-by-400", "permit-before-check", "permit-unauthenticated",
    "relay-without-permission",
  },
  allocations = 2,
  run = function(t)
    local way, ways, judged = 1, 1, false
    while way <= ways and not judged do
      -- A permission is for an address with all its ports, so each way is tried through allocations of its own.
      local client = t:allocation()
      local other = not t.profile.peer and t:allocation() or nil
      local paths = t:paths(client, other)
      if paths[way] then
        local permission, channel = ask_unsigned(t, client, paths[way].peer, 0x4001 + way)
        if way == 1 then judge_unsigned(t, permission, channel) end
        judged = judge_way(t, paths[way])
      end
      for _, one in ipairs(paths) do one:close() end
      t:put_down(client)
      t:put_down(other)
      way, ways = way + 1, #paths
    end
  end,
}

scenario "send-indication" {
  title = "a Send indication is relayed without credentials, and never answered",
  covers = { "5766-10.2-01" },
  faults = {
    "ignore-unknown", "answer-send", "relay-send-with-unknown", "authenticate-send", "ignore-send",
    "lose-data-to-peer",
  },
  allocations = 2,
  run = function(t)
    local client = t:allocation()
    local other = not t.profile.peer and t:allocation() or nil
    local passes = t:relays(client, other)
    if not passes then t:skip "the server forbids the peer (403)" end
    if passes.unpermitted then t:inconclusive("no permission to send under: " .. passes.got) end
    t:check("5766-10.2-01", passes, { label = "relayed without credentials" })
    if not passes.ok then return end
    local dropped = t:drops_unknown(client, other)
    if dropped then t:check("5766-10.2-01", dropped, { label = "dropped with an unknown attribute" }) end
    t:check("5766-10.2-01", t:unanswered(client), { label = "not answered" })
  end,
}
