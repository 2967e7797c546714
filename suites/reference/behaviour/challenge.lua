-- SPDX-License-Identifier: BSD-3-Clause
--
-- What is said to a client that has yet to prove itself: REALM, NONCE, the server's name and the password algorithms,
-- and which nonces are good.

local bytes = require "bytes"
local hmac = require "reference.hmac"

local challenge = {}

-- Why a request was not let in: "absent" (no integrity), "stale" (nonce), "kid", "token", "time", "integrity", "user".
function challenge.challenge_code(cause)
  return cause == "stale" and 438 or 401
end

-- What a password may be made a key with, the first for preference (RFC 8489 14.11). A token has no password.
local PASSWORD_ALGORITHMS <const> = { { algorithm = 2, parameters = "" }, { algorithm = 1, parameters = "" } }

function challenge.password_algorithms()
  return PASSWORD_ALGORITHMS
end

-- RFC 5389 10.2.2 wants REALM and NONCE, RFC 7635 section 4 the announcement, RFC 8489 9.2.4 the algorithms.
function challenge.challenge_attributes(server, request, _)
  local b = server.behaviour
  local attributes = { { "REALM", server.realm }, { "NONCE", b.make_nonce(server, request.client, request.received) } }
  if server.third_party then attributes[3] = b.announcement(server) end
  attributes[#attributes + 1] = { "PASSWORD-ALGORITHMS", b.password_algorithms() }
  return attributes
end

function challenge.announcement(server)
  return { "THIRD-PARTY-AUTHORIZATION", server.server_name }
end

function challenge.challenge(server, request, cause)
  local b = server.behaviour
  return b.failure(b.challenge_code(cause), b.challenge_attributes(server, request, cause), cause)
end

-- A request with integrity that lacks USERNAME, REALM or NONCE: 400, and nothing of a challenge (RFC 5389 10.2.2).
function challenge.refuse_incomplete(server, _, _)
  return server.behaviour.failure(400, {}, "incomplete")
end

-- The part of a client that its nonces are bound to.
function challenge.nonce_owner(client)
  return client.key
end

function challenge.nonce_tag(server, client, head)
  return bytes.hex(hmac.sha1(server.nonce_key, head .. server.behaviour.nonce_owner(client)):sub(1, 10))
end

-- The nonce cookie of RFC 8489 9.2 with one security feature, password algorithms: bit 0, the least significant.
function challenge.nonce_cookie()
  return "obMatJos2" .. bytes.base64(string.pack(">I3", 1))
end

-- Behind the cookie time, chance, and a MAC over both and the client: unpredictable, never the same twice, and nothing
-- to remember.
function challenge.make_nonce(server, client, now)
  local head = ("%012x"):format(math.floor(now * 1000)) .. bytes.hex(bytes.random(4))
  return server.behaviour.nonce_cookie() .. head .. server.behaviour.nonce_tag(server, client, head)
end

-- When a nonce of ours was made, in seconds; nil when it is not ours or was given to another client.
function challenge.nonce_made(server, client, nonce)
  local cookie = server.behaviour.nonce_cookie()
  if #nonce ~= #cookie + 40 or nonce:sub(1, #cookie) ~= cookie then return nil end
  local head, tag = nonce:sub(#cookie + 1, #cookie + 20), nonce:sub(#cookie + 21)
  if not bytes.equal(tag, server.behaviour.nonce_tag(server, client, head)) then return nil end
  return tonumber(head:sub(1, 12), 16) / 1000
end

function challenge.nonce_is_current(server, client, nonce, now)
  local made = server.behaviour.nonce_made(server, client, nonce)
  return made ~= nil and math.abs(now - made) < server.nonce_lifetime
end

return challenge
