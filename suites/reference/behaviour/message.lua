-- SPDX-License-Identifier: BSD-3-Clause
--
-- Which messages and attributes count, and how an answer is put into octets and signed.

local bytes = require "bytes"
local stun = require "stun"

local message = {}

local MAGIC_COOKIE <const> = 0x2112A442

-- Comprehension-required attributes that this server understands, ACCESS-TOKEN aside. DONT-FRAGMENT and
-- USERHASH are not among them: it cannot set the bit, and it offers no anonymous user names.
local understood = {}
for _, name in ipairs {
  "MAPPED-ADDRESS", "USERNAME", "MESSAGE-INTEGRITY", "ERROR-CODE", "UNKNOWN-ATTRIBUTES", "CHANNEL-NUMBER", "LIFETIME",
  "XOR-PEER-ADDRESS", "DATA", "REALM", "NONCE", "XOR-RELAYED-ADDRESS", "REQUESTED-ADDRESS-FAMILY", "EVEN-PORT",
  "REQUESTED-TRANSPORT", "MESSAGE-INTEGRITY-SHA256", "XOR-MAPPED-ADDRESS", "RESERVATION-TOKEN",
  "PASSWORD-ALGORITHM",
} do
  understood[assert(stun.attribute(name), name).type] = true
end

local reasons = {
  [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [420] = "Unknown Attribute",
  [437] = "Allocation Mismatch", [438] = "Stale Nonce", [440] = "Address Family not Supported",
  [441] = "Wrong Credentials", [442] = "Unsupported Transport Protocol", [443] = "Peer Address Family Mismatch",
  [486] = "Allocation Quota Reached", [500] = "Server Error", [508] = "Insufficient Capacity",
}

-- Whether a parsed message is one of RFC 5389 and undamaged (7.3). Anything else is dropped without an answer.
function message.is_acceptable(parsed)
  return parsed:cookie() == MAGIC_COOKIE and parsed:fingerprint() ~= "invalid"
end

-- The attributes that count: those up to the first integrity value and, behind it, only MESSAGE-INTEGRITY-SHA256 and
-- FINGERPRINT (RFC 5389 15.4, RFC 8489 14.5).
function message.visible_attributes(attributes)
  local visible, signed = {}, nil
  for _, attribute in ipairs(attributes) do
    local name = attribute.name
    local exempt = name == "FINGERPRINT" or (name == "MESSAGE-INTEGRITY-SHA256" and signed == "MESSAGE-INTEGRITY")
    if not signed or exempt then visible[#visible + 1] = attribute end
    if name == "MESSAGE-INTEGRITY" or name == "MESSAGE-INTEGRITY-SHA256" then signed = signed or name end
  end
  return visible
end

function message.is_understood(server, type)
  if type == stun.attribute("ACCESS-TOKEN").type then return server.third_party end
  return understood[type] == true
end

function message.must_be_understood(type)
  return type < 0x8000
end

-- The types of the comprehension-required attributes that are not understood, each once, in their order.
function message.unknown_attributes(server, request)
  local b, unknown, seen = server.behaviour, {}, {}
  for _, attribute in ipairs(request.visible) do
    local type = attribute.type
    if b.must_be_understood(type) and not b.is_understood(server, type) and not seen[type] then
      seen[type] = true
      unknown[#unknown + 1] = type
    end
  end
  return unknown
end

function message.refuse_unknown(server, _, unknown)
  return server.behaviour.failure(420, { { "UNKNOWN-ATTRIBUTES", unknown } })
end

function message.success(attributes)
  return { class = "success", attributes = attributes or {} }
end

-- cause: which check refused, for those who must tell refusals of one code apart.
function message.failure(code, attributes, cause)
  return { class = "error", code = code, attributes = attributes or {}, cause = cause }
end

function message.error_code(code)
  return { "ERROR-CODE", { code = code, reason = reasons[code] or "Error" } }
end

-- The answer to a request, whole: authentication first, then what is not understood (RFC 5389 7.3).
function message.answer(server, request)
  local b = server.behaviour
  local serve = b.service(request.method)
  if not serve then return b.failure(400) end
  if b.needs_authentication(server, request) then
    local identity, refusal = b.identify(server, request)
    if not identity then return refusal end
    request.identity = identity
  end
  local unknown = b.unknown_attributes(server, request)
  if #unknown > 0 then return b.refuse_unknown(server, request, unknown) end
  return b[serve](server, request)
end

-- The name of the function that serves a method; nil for a method this server does not know.
function message.service(method)
  local services = {
    Binding = "serve_binding", Allocate = "serve_allocate", Refresh = "serve_refresh",
    CreatePermission = "serve_permission", ChannelBind = "serve_channel",
  }
  return services[method]
end

function message.needs_authentication(_, request)
  return request.method ~= "Binding"
end

-- What a retransmitted request is known by: where it came from and all its octets, the transaction id among them.
function message.retransmission_name(request)
  return request.client.key .. bytes.sha1(request.message:bytes())
end

-- Only what an authenticated request changed must be remembered; a challenge can be given again (RFC 5389 7.3.1).
function message.is_remembered(request, answer)
  return not request.client.is_stream and answer ~= nil and request.identity ~= nil
end

function message.remembered_answer(server, request)
  if request.client.is_stream then return nil end
  return server.answers:get(server.behaviour.retransmission_name(request), request.received)
end

-- The key that signs the answer: the one that verified the request, so also in its form (RFC 7635 section 7).
-- nil before the request is authenticated.
function message.response_key(_, request, _)
  return request.identity and request.identity.key
end

-- The integrity attributes of an answer are those of its request (RFC 8489 9.2.4), SHA-256 at the request's length.
function message.signatures(request, key)
  local signatures = {}
  if request:has "MESSAGE-INTEGRITY" or not request:has "MESSAGE-INTEGRITY-SHA256" then
    signatures[1] = { "MESSAGE-INTEGRITY", key = key }
  end
  if request:has "MESSAGE-INTEGRITY-SHA256" then
    local size = #request:raw "MESSAGE-INTEGRITY-SHA256"
    if size < 16 or size > 32 or size % 4 ~= 0 then size = 32 end
    signatures[#signatures + 1] = { "MESSAGE-INTEGRITY-SHA256", key = key, size = size }
  end
  return signatures
end

-- What stands in every answer of a code or class besides what the answer itself is about.
function message.common_attributes(server, _, _)
  local software = server.behaviour.software(server)
  return software and { { "SOFTWARE", software } } or {}
end

function message.software(server)
  return server.software
end

-- The attributes of an answer in their order on the wire.
function message.response_attributes(server, request, answer)
  local b, attributes = server.behaviour, {}
  local function add(list)
    for _, attribute in ipairs(list) do attributes[#attributes + 1] = attribute end
  end
  if answer.code then add { b.error_code(answer.code) } end
  add(answer.attributes)
  add(b.common_attributes(server, request, answer))
  local key = b.response_key(server, request, answer)
  if key then add(b.signatures(request, key)) end
  if request:has "FINGERPRINT" then add { { "FINGERPRINT" } } end
  return attributes
end

-- The octets of an answer. A method without a name is written by its number.
function message.encode(server, request, answer)
  local b = server.behaviour
  return b.finish(server, request, answer, stun.build {
    class = answer.class,
    method = tonumber(request.method) or request.method,
    transaction = request.message:transaction(),
    attributes = b.response_attributes(server, request, answer),
  })
end

-- The last look at an answer before it leaves.
function message.finish(_, _, _, octets)
  return octets
end

-- How an answer goes back: from the address and port the request came to.
function message.deliver(_, request, octets)
  request.client.send(octets)
end

return message
