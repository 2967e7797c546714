-- SPDX-License-Identifier: BSD-3-Clause
--
-- What TURN asks of a server in a token session: allocations, who they belong to, how they end.
-- RFC 5766 sections 4 to 7, RFC 8656 section 7.2.

local expect = require "support.expect"
local scenario = require "support.scenario"

scenario "never-unauthenticated" {
  title = "no Allocate is served without verified integrity",
  covers = { "8656-7.2-01" },
  faults = { "take-token-for-integrity", "relay-for-everyone", "skip-integrity" },
  transports = "each",
  run = function(t)
    t:check("8656-7.2-01", t:allocate { credentials = false }:is_refused(), { label = "bare" })
    local control = t:control {}
    t:check("8656-7.2-01", t:with_defect(control, { integrity = false }):is_refused(), { label = "a token alone" })
    t:check("8656-7.2-01", t:with_defect(control, { edits = { { "flip", "MESSAGE-INTEGRITY", 80 } } }):is_refused(),
      { label = "wrong integrity" })
  end,
}

scenario "second-allocate" {
  title = "an Allocate on a 5-tuple that has an allocation gets 437, with another valid token too",
  covers = { "5766-6.2-01" },
  faults = { "spend-tokens", "refuse-second-by-400", "replace-allocation", "return-existing-allocation" },
  transports = "each",
  run = function(t)
    local client = t:allocation()
    t:check("5766-6.2-01", t:on(client, "Allocate", { step = "a second Allocate" }):is_error(437),
      { label = "the same token" })
    t:put_down(client)
    -- On another 5-tuple, since a connection may be closed behind an error.
    t:check("5766-6.2-01",
      t:on(t:allocation(), "Allocate", { token = {}, step = "a second Allocate, new token" }):is_error(437),
      { label = "a new token" })
  end,
}

scenario "requested-transport" {
  title = "an Allocate without REQUESTED-TRANSPORT gets 400, with an unknown protocol 442",
  covers = { "5766-6.2-02" },
  faults = {
    "change-transaction-id", "assume-udp", "miss-transport-by-442", "refuse-transport-by-400",
    "take-any-transport",
  },
  run = function(t)
    local control = t:control {}
    t:refused("5766-6.2-02", control, { protocol = false }, 400, { label = "without" })
    t:refused("5766-6.2-02", control, { protocol = 99 }, 442, { label = "protocol 99" })
  end,
}

scenario "success-attributes" {
  title = "the success response has XOR-RELAYED-ADDRESS, LIFETIME and XOR-MAPPED-ADDRESS",
  covers = { "5766-6.2-03" },
  faults = {
    "map-port-backwards", "map-without-xor", "omit-mapped-address", "omit-relayed-address",
    "omit-lifetime",
  },
  transports = "each",
  run = function(t)
    local client, answer = t:allocation()
    for _, attribute in ipairs { "XOR-RELAYED-ADDRESS", "LIFETIME", "XOR-MAPPED-ADDRESS" } do
      t:check("5766-6.2-03", answer:has(attribute), { label = attribute })
    end
    local own, mapped = client.endpoint:address(), answer:get "XOR-MAPPED-ADDRESS"
    if type(mapped) ~= "table" then return end
    local same = expect.same(mapped.address .. ":" .. mapped.port, own.address .. ":" .. own.port)
    if t:direct_path() then
      t:check("5766-6.2-03", same, { label = "the mapped address is ours" })
    elseif not same.ok then
      t:note("the mapped address is %s, ours is %s (the path may hold a NAT)", same.got, same.expected)
    end
  end,
}

scenario "usual-lifetime" {
  title = "under a long token the usual rules for LIFETIME hold",
  covers = { "5766-6.2-04" },
  faults = { "grant-a-minute", "grant-any-lifetime" },
  run = function(t)
    local token = { lifetime = 86400 }
    local plain = t:allocate { token = token }
    t:check("5766-6.2-04", plain:at_least("LIFETIME", 600 - plain:seconds()), { label = "at least the default" })
    t:put_down(plain.client)
    local long = t:allocate { token = token, lifetime = 7200 }
    t:check("5766-6.2-04", long:at_most("LIFETIME", 3600), { label = "at most an hour" })
    local own = t.profile.max_lifetime
    if own then t:check("5766-6.2-04", long:at_most("LIFETIME", own), { label = "at most what the profile says" }) end
    t:put_down(long.client)
  end,
}

local AT_ONCE <const> = 0.4 -- seconds, less than it takes to transmit anything again

-- Deletes the allocation and refreshes it at once: the answers to both. Some servers bring what was deleted a moment
-- ago to life again, and not a second later, so a 437 that something lost has held up is asked for anew, on another
-- allocation, and taken for what it is worth after three times. So is a 437 to the deletion, which may be about a
-- second copy of it.
local function delete_and_refresh(t, client)
  local gone, answer
  for _ = 1, 3 do
    client = client or t:allocation { token = { lifetime = 7200 } }
    local began = t:now()
    gone = t:refresh(client, { lifetime = 0 })
    local deleted = gone:is_success().ok
    if not deleted and gone:code() ~= 437 then return gone end
    if deleted then
      answer = t:refresh(client, { lifetime = 600, step = "Refresh after the deletion" })
      if not answer:is_error(437).ok or t:now() - began < AT_ONCE then break end
    end
    client = nil
  end
  return gone, gone:is_success().ok and answer or nil
end

scenario "refresh-and-delete" {
  title = "a Refresh carries the new LIFETIME; with LIFETIME 0 it deletes the allocation",
  covers = { "5766-7.2-01" },
  faults = {
    "keep-deleted-allocation", "refuse-deletion", "omit-lifetime-on-refresh",
    "take-zero-for-default",
  },
  transports = "each",
  run = function(t)
    local client = t:allocation { token = { lifetime = 7200 } }
    local plain = t:refresh(client)
    t:check("5766-7.2-01", expect.all { plain:is_success(), plain:has "LIFETIME" }, { label = "without LIFETIME" })
    local longer = t:refresh(client, { lifetime = 1200 })
    t:check("5766-7.2-01", expect.all { longer:is_success(), longer:has "LIFETIME" }, { label = "with LIFETIME 1200" })
    local gone, again = delete_and_refresh(t, client)
    t:check("5766-7.2-01", gone:is_success(), { label = "with LIFETIME 0" })
    if again then t:check("5766-7.2-01", again:is_error(437), { label = "then it is gone" }) end
  end,
}

-- Apart from the one above, since a Refresh that succeeds too soon may keep the allocation.
scenario "deleted-for-good" {
  title = "ten seconds after its deletion an allocation is gone",
  covers = { "5766-7.2-01" },
  faults = { "keep-deleted-allocation", "take-zero-for-default" },
  run = function(t)
    local client = t:allocation { token = { lifetime = 7200 } }
    t:control({ on = client, lifetime = 0, step = "Refresh with LIFETIME 0" }, "Refresh")
    t:wait(10)
    t:check("5766-7.2-01", t:refresh(client, { lifetime = 600 }):is_error(437))
  end,
}

scenario "no-allocation" {
  title = "a Refresh without an allocation gets 437",
  covers = { "5766-4-02" },
  faults = { "miss-allocation-by-403", "refresh-nothing" },
  transports = "each",
  run = function(t)
    t:control {}
    t:check("5766-4-02", t:on(t:client(), "Refresh", { lifetime = 600 }):is_error(437))
  end,
}

scenario "session-without-allocation" {
  title = "CreatePermission and ChannelBind without an allocation get 437, or 401 where the server knows no key",
  covers = { "5766-4-02" },
  faults = { "forbid-strangers" },
  transports = "each",
  run = function(t)
    t:control {}
    local minted = t:token {}
    local key = function() return t.bench:integrity_key(minted.mac_key) end
    for _, request in ipairs { { "CreatePermission" }, { "ChannelBind", 0x4003 } } do
      local client = t:client()
      local answer = t:on(client, request[1], {
        peer = t:peer(client), channel = request[2], token = false, username = minted.kid, integrity_key = key,
      })
      t:check("5766-4-02", answer:is_error(437, 401), { label = request[1] })
    end
  end,
}

scenario "password-without-allocation" {
  title = "a request of a first-party user that needs an allocation and has none gets 437",
  covers = { "5766-4-02" },
  needs = { "third-party", "users" },
  faults = { "miss-allocation-by-403", "refresh-nothing" },
  run = function(t)
    local user = t.profile.users[1]
    local accepted = t:allocate { user = user }
    if accepted:code() == 401 then t:skip "first-party credentials are not served (401)" end
    if not accepted:is_success().ok then
      t:inconclusive("the Allocate of a first-party user: " .. accepted:describe())
    end
    t:put_down(accepted.client)
    for _, request in ipairs { { "Refresh", nil, 600 }, { "CreatePermission" }, { "ChannelBind", 0x4004 } } do
      local client = t:client()
      local answer = t:on(client, request[1], {
        user = user, channel = request[2], lifetime = request[3],
        peer = request[1] ~= "Refresh" and t:peer(client) or nil,
      })
      t:check("5766-4-02", answer:is_error(437), { label = request[1] })
    end
  end,
}

scenario "other-user" {
  title = "a first-party user on the allocation of a token gets 441",
  covers = { "5766-4-01" },
  faults = { "ignore-owner", "refuse-owner-by-401", "refuse-owner-by-403" },
  needs = { "third-party", "users" },
  run = function(t)
    local user = t.profile.users[1]
    local accepted = t:allocate { user = user }
    if accepted:code() == 401 then t:skip "first-party credentials are not served (401)" end
    if not accepted:is_success().ok then
      t:inconclusive("the Allocate of a first-party user: " .. accepted:describe())
    end
    t:put_down(accepted.client)
    local client = t:allocation()
    for _, method in ipairs { "Refresh", "CreatePermission" } do
      local answer = t:on(client, method, {
        user = user, lifetime = method == "Refresh" and 600 or nil, step = method .. " as another user",
        peer = method == "CreatePermission" and t:peer(client) or nil,
      })
      t:check("5766-4-01", answer:is_error(441), { label = method, soften = answer:code() == 401 and "AMB-20" })
    end
  end,
}
