-- SPDX-License-Identifier: BSD-3-Clause
--
-- Variants: what a suite is measured with besides faults. The first two show that a refusal counts only beside an
-- acceptance and the other way round. Each of the others conforms in a way of its own and may change no verdict to
-- fail.

local bytes = require "bytes"
local cache = require "reference.cache"
local change = require "reference.faults.change"
local decryption = require "reference.faults.decryption"
local net = require "net"
local stun = require "stun"

local at_the_end = { ["MESSAGE-INTEGRITY"] = true, ["MESSAGE-INTEGRITY-SHA256"] = true, FINGERPRINT = true }

-- The attributes of an answer but those at its end, the last first, with others that nobody knows among them and the
-- announcement, and FINGERPRINT behind all.
local function dress(b, server, attributes)
  local dressed, tail, announced = {}, {}, not server.third_party
  for _, attribute in ipairs(attributes) do
    if attribute[1] ~= "FINGERPRINT" then
      table.insert(at_the_end[attribute[1]] and tail or dressed, at_the_end[attribute[1]] and #tail + 1 or 1, attribute)
    end
    announced = announced or attribute[1] == "THIRD-PARTY-AUTHORIZATION"
  end
  if not announced then dressed[#dressed + 1] = b.announcement(server) end
  table.insert(dressed, 1, { 0xFFFE, "" })
  dressed[#dressed + 1] = { 0xC0FE, ("unknown"):rep(43) }
  table.move(tail, 1, #tail, #dressed + 1, dressed)
  dressed[#dressed + 1] = { "FINGERPRINT" }
  return dressed
end

return {
  {
    name = "refuse-everything", kind = "variant", about = "every credential is refused with a well-formed 401",
    requirements = {},
    apply = function(b)
      b.identify = function(server, request)
        return nil, b.challenge(server, request, b.has_integrity(request) and "token" or "absent")
      end
    end,
  },
  {
    name = "accept-everything", kind = "variant", about = "every request is let in, whatever it shows",
    requirements = {},
    apply = function(b)
      b.identify = function(server, request)
        local kid = request:raw "USERNAME" or ""
        local entry = b.select_key(server, kid)
        local shown = entry and b.carries_token(server, request)
        local opened = shown and b.open_token(server, entry, b.token_octets(request)) or nil
        local allocation = server:allocation_of(request.client)
        local session = opened or allocation and allocation.session
        if not session then return { kind = "user", name = kid } end
        return {
          kind = "token", name = kid, mac_key = session.mac_key, timestamp = request.received, lifetime = 3600,
          key = b.verifying_key(server, request, session.mac_key) or session.mac_key,
        }
      end
      b.is_owner = function() return true end
    end,
  },
  {
    name = "use-nonces-once", kind = "variant", about = "a nonce is good for one authenticated request",
    requirements = {},
    apply = function(b)
      local used
      change.wrap(b, "nonce_is_current", function(original, server, client, nonce, now)
        used = used or cache.new(server.nonce_lifetime, 65536)
        if not original(server, client, nonce, now) or used:get(nonce, now) then return false end
        used:put(nonce, true, now)
        return true
      end)
    end,
  },
  {
    name = "check-nonce-last", kind = "variant",
    about = "the nonce is checked behind everything else, as RFC 8489 has it",
    requirements = {},
    apply = function(b)
      local check = b.nonce_is_current
      b.nonce_is_current = function() return true end
      change.wrap(b, "identify", function(original, server, request)
        local identity, refusal = original(server, request)
        if identity and not check(server, request.client, request:raw "NONCE", request.received) then
          return nil, b.challenge(server, request, "stale")
        end
        return identity, refusal
      end)
    end,
  },
  {
    name = "ignore-fraction", kind = "variant", about = "only the whole seconds of a timestamp are read",
    requirements = {},
    apply = function(b) b.read_timestamp = function(opened) return opened.timestamp >> 16 end end,
  },
  {
    name = "use-full-256-bit-key", kind = "variant", about = "a mac_key of 32 octets is used as it is, never shortened",
    requirements = {},
    apply = function(b) b.integrity_keys = function(mac_key) return { mac_key } end end,
  },
  {
    name = "derive-256-bit-key", kind = "variant",
    about = "a mac_key of 32 octets is always shortened by SHA-1 for HMAC-SHA1",
    requirements = {},
    apply = function(b)
      b.integrity_keys = function(mac_key, attribute)
        return { #mac_key == 32 and attribute == "MESSAGE-INTEGRITY" and bytes.sha1(mac_key) or mac_key }
      end
    end,
  },
  {
    name = "announce-once", kind = "variant",
    about = "only the answer to a request without credentials announces tokens",
    requirements = {},
    apply = function(b)
      change.omit_from_challenge(b, "THIRD-PARTY-AUTHORIZATION", function(cause) return cause ~= "absent" end)
    end,
  },
  {
    name = "sign-expired", kind = "variant", about = "the 401 for an expired token is signed with its mac_key",
    requirements = {},
    apply = function(b)
      local mac_key
      change.wrap(b, "token_is_current", function(original, server, opened, now)
        mac_key = opened.mac_key
        return original(server, opened, now)
      end)
      change.wrap(b, "response_key", function(original, server, request, answer)
        if answer.cause ~= "time" then return original(server, request, answer) end
        return b.verifying_key(server, request, mac_key) or mac_key
      end)
    end,
  },
  {
    name = "refuse-passwords", kind = "variant", about = "only tokens are taken; first-party credentials get 401",
    requirements = {},
    apply = function(b)
      change.wrap(b, "identify_by_password", function(original, server, request)
        if not server.third_party then return original(server, request) end
        return nil, b.challenge(server, request, "user")
      end)
    end,
  },
  {
    name = "let-expired-delete", kind = "variant", about = "a token that expired may still delete its allocation",
    requirements = {},
    apply = function(b)
      change.wrap(b, "identify_by_token", function(original, server, request)
        if request.method ~= "Refresh" or request:get "LIFETIME" ~= 0 then return original(server, request) end
        local check = b.token_is_current
        b.token_is_current = function() return true end
        local identity, refusal = original(server, request)
        b.token_is_current = check
        return identity, refusal
      end)
    end,
  },
  {
    name = "answer-late", kind = "variant",
    about = "the answer to an authenticated request takes 0.7 seconds, so that clients retransmit",
    requirements = {},
    apply = function(b)
      change.wrap(b, "deliver", function(original, server, request, octets)
        if not request.identity then return original(server, request, octets) end
        net.spawn(function()
          net.sleep(0.7)
          if server.running then original(server, request, octets) end
        end)
      end)
    end,
  },
  {
    name = "count-down-when-repeated", kind = "variant",
    about = "the first answer to an Allocate is lost, and its retransmission is told what is left of the lifetime",
    requirements = {},
    apply = function(b)
      change.wrap(b, "remembered_answer", function(original, server, request)
        return request.method ~= "Allocate" and original(server, request) or nil
      end)
      change.wrap(b, "serve_allocate", function(original, server, request)
        local name, before = b.retransmission_name(request), server:allocation_of(request.client)
        if before and before.asked_by == name then
          local left = math.floor(before.expires - request.received)
          return b.success(b.allocate_attributes(server, request, before, left))
        end
        local answer = original(server, request)
        local made = not before and not request.client.is_stream and server:allocation_of(request.client)
        if made then made.asked_by, request.is_lost = name, true end
        return answer
      end)
      change.lose_answers(b)
    end,
  },
  {
    name = "lose-repeated-answers", kind = "variant",
    about = "the network loses what the first client hears that sends an answered request again",
    requirements = {},
    apply = function(b)
      local loser
      change.wrap(b, "remembered_answer", function(original, server, request)
        local before = original(server, request)
        loser = loser or before and request.client.key
        request.is_lost = before ~= nil and request.client.key == loser
        return before
      end)
      change.lose_answers(b)
    end,
  },
  {
    name = "lose-answers-to-deletions", kind = "variant",
    about = "the network loses all that a client hears of its deletion of an allocation that it had refreshed",
    requirements = {},
    apply = function(b)
      local lost = cache.new(40, 4096)
      change.wrap(b, "serve_refresh", function(original, server, request)
        local found = server:allocation_of(request.client)
        local answer = original(server, request)
        if found and b.asks_deletion((request:get "LIFETIME")) then
          request.is_lost = found.refreshed and not request.client.is_stream
          if request.is_lost then lost:put(b.retransmission_name(request), true, request.received) end
        elseif found then
          found.refreshed = true
        end
        return answer
      end)
      change.wrap(b, "remembered_answer", function(original, server, request)
        request.is_lost = lost:get(b.retransmission_name(request), request.received)
        return original(server, request)
      end)
      change.lose_answers(b)
    end,
  },
  {
    name = "hear-twice", kind = "variant",
    about = "the network doubles datagrams, only the answer to Allocate is remembered, and an Allocate on a 5-tuple "
      .. "that has an allocation gets 437 before anything else is looked at",
    requirements = {},
    apply = function(b)
      change.wrap(b, "remembered_answer", function(original, server, request)
        return request.method == "Allocate" and original(server, request) or nil
      end)
      change.wrap(b, "admits", function(original, server, octets, client)
        if client.transport == "udp" and not client.is_copy then
          local copy = setmetatable({ is_copy = true }, { __index = client })
          net.spawn(function()
            net.sleep(0.02)
            if server.running then server:guard(server.receive, server, octets, copy) end
          end)
        end
        return original(server, octets, client)
      end)
      change.wrap(b, "answer", function(original, server, request)
        local bare = request.method == "Allocate" and not b.has_integrity(request)
        if bare and server:allocation_of(request.client) then return b.failure(437) end
        return original(server, request)
      end)
    end,
  },
  {
    name = "lose-what-is-relayed", kind = "variant",
    about = "the network loses what a client sends to peers in the first eleven seconds of its allocation",
    requirements = {},
    apply = function(b)
      change.wrap(b, "serve_allocate", function(original, server, request)
        local answer = original(server, request)
        local found = server:allocation_of(request.client)
        if found then found.opened = found.opened or request.received end
        return answer
      end)
      change.wrap(b, "serve_send", function(original, server, request)
        local found = server:allocation_of(request.client)
        if not found or request.received - found.opened > 11 then return original(server, request) end
      end)
    end,
  },
  {
    name = "return-to-the-first-key", kind = "variant",
    about = "the network brings one Allocate again, behind the Refresh with another token, and its key is the newest",
    requirements = {},
    apply = function(b)
      local brought = {}
      change.wrap(b, "session_after_refresh", function(original, found, identity)
        local session = original(found, identity)
        if session and found.session then session.before = found.session.before or found.session end
        return session
      end)
      change.wrap(b, "identify", function(original, server, request)
        local allocation = server:allocation_of(request.client)
        local session = allocation and allocation.session
        local first = session and session.before
        local pair = first and first.name .. " " .. session.name
        local other = pair and first.mac_key ~= session.mac_key and not brought[pair]
        if other and request.method == "CreatePermission" then
          brought[pair], allocation.session = true, first
        end
        return original(server, request)
      end)
    end,
  },
  {
    name = "refuse-what-is-open", kind = "variant", suite = "notes",
    about = "tokens are refused wherever the text leaves it open: other lengths of mac_key, octets behind the "
      .. "lifetime, fractions from 64000 on",
    requirements = {},
    apply = function(b)
      b.key_length_is_taken = function(length) return length == 20 or length == 32 end
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local opened = original(server, entry, octets)
        local odd = opened and (#opened.extra > 0 or opened.timestamp & 0xFFFF >= 64000)
        return not odd and opened or nil
      end)
    end,
  },
  {
    name = "think-over-sensible-blocks", kind = "variant", suite = "notes",
    about = "a token whose block makes sense is refused 3 ms later than another",
    requirements = {},
    apply = function(b)
      local sensible = decryption.watch_sense(b)
      change.wrap(b, "challenge", function(original, server, request, cause)
        if cause == "token" and sensible() then net.sleep(0.003) end
        return original(server, request, cause)
      end)
    end,
  },
  {
    name = "hold-one-allocation", kind = "variant", suite = "quota",
    about = "there is a quota of one allocation, and a second one gets 486",
    requirements = {},
    apply = function(b)
      change.wrap(b, "serve_allocate", function(original, server, request)
        server:sweep()
        local full = server.allocation_count >= 1 and not server:allocation_of(request.client)
        if full then return b.failure(486) end
        return original(server, request)
      end)
    end,
  },
  {
    name = "answer-richly", kind = "variant",
    about = "answers have their attributes in reverse, optional ones that nobody knows, FINGERPRINT, the announcement "
      .. "in each, nonces of 127 characters and more octets, and no reason phrase",
    requirements = {},
    apply = function(b)
      change.wrap(b, "response_attributes", function(original, server, request, answer)
        return dress(b, server, original(server, request, answer))
      end)
      b.error_code = function(code) return { "ERROR-CODE", { code = code, reason = "" } } end
      local tail = ("z"):rep(40) .. ("\u{1F600}"):rep(127 - 40 - 53)
      change.wrap(b, "make_nonce", function(original, ...) return original(...) .. tail end)
      change.wrap(b, "nonce_made", function(original, server, client, nonce)
        return nonce:sub(-#tail) == tail and original(server, client, nonce:sub(1, -#tail - 1)) or nil
      end)
    end,
  },
  {
    name = "close-when-deleted", kind = "variant",
    about = "a connection whose allocation was deleted is closed",
    requirements = {},
    apply = function(b)
      change.wrap(b, "deliver", function(original, server, request, octets)
        original(server, request, octets)
        if not request.client.close then return end
        local deleted = request.method == "Refresh" and request:get "LIFETIME" == 0
        if deleted and stun.parse(octets):class() == "success" then request.client.close() end
      end)
    end,
  },
  {
    name = "close-behind-errors", kind = "variant",
    about = "a connection is closed behind every error that is no challenge",
    requirements = {},
    apply = function(b)
      change.wrap(b, "deliver", function(original, server, request, octets)
        original(server, request, octets)
        local answer = request.client.close and stun.parse(octets)
        local value = answer and answer:class() == "error" and answer:get "ERROR-CODE"
        if value and value.code ~= 401 and value.code ~= 438 then request.client.close() end
      end)
    end,
  },
  {
    name = "keep-to-one-kid", kind = "variant", about = "a token of another kid on an allocation gets 441",
    requirements = {},
    apply = function(b)
      change.wrap(b, "is_owner", function(original, found, identity)
        local other = found.session and identity.kind == "token" and found.session.name ~= identity.name
        return not other and original(found, identity)
      end)
    end,
  },
  {
    name = "refuse-made-up-nonce", kind = "variant", about = "a nonce that was never given out gets 401, not 438",
    requirements = {},
    apply = function(b)
      change.wrap(b, "challenge", function(original, server, request, cause)
        local made = cause == "stale" and b.nonce_made(server, request.client, request:raw "NONCE")
        return original(server, request, cause == "stale" and not made and "nonce" or cause)
      end)
    end,
  },
  {
    name = "authenticate-binding", kind = "variant", about = "Binding is authenticated like every other request",
    requirements = {},
    apply = function(b) b.needs_authentication = function() return true end end,
  },
}
