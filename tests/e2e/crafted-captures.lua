-- SPDX-License-Identifier: BSD-3-Clause
--
-- Writes captures of made-up conversations between a client with tokens and a server, each with one deviation, for
-- tests of the rules for captures. It stands in for the list command of a copy of assay (audit-client.t), is given the
-- folder as its first word, and says on stdout as JSON, a line each, what it wrote:
-- {"name":, "expected":{requirement: verdict}}.

local bytes = require "bytes"
local capture = require "capture"
local json = require "json"
local stun = require "stun"
local system = require "system"
local token = require "token"

local crafted = {}

local KEY <const> = ("k"):rep(32)
local NAME <const>, REALM <const>, KID <const> = "turn.example.org", "example.org", "north"
local START <const> = 1700000000 -- seconds since 1970
local CLIENT <const> = { address = "192.0.2.10", port = 50000 }
local SERVER <const> = { address = "192.0.2.1", port = 3478 }
local PEER <const> = { address = "192.0.2.20", port = 4000 }

local talk = {}
talk.__index = talk

local function begin(path)
  return setmetatable({
    writer = assert(capture.writer(path)), at = START, nonces = 0, client = CLIENT, server = SERVER,
  }, talk)
end

-- With self.lost it is not in the capture, with self.twice it is there twice.
function talk:send(octets, back)
  self.at = self.at + 0.01
  local client, server = self.client, self.server
  if self.heard then self.heard[#self.heard + 1] = { octets, back } end
  local data, link = assert(capture.synthesize {
    protocol = "udp", source = back and server or client, destination = back and client or server, payload = octets,
  })
  for copy = 1, self.lost and 0 or self.twice and 2 or 1 do
    assert(self.writer:packet { data = data, link = link, time = self.at + copy / 1e5 })
  end
end

function talk:token(spec)
  spec = spec or {}
  local mac_key = spec.mac_key or bytes.random(20)
  local octets = assert(token.seal {
    algorithm = "A256GCM", key = KEY, server_name = NAME, mac_key = mac_key, lifetime = spec.lifetime or 3600,
    issued = not spec.timestamp and self.at or nil, timestamp = spec.timestamp, nonce = spec.nonce, extra = spec.extra,
  })
  return { octets = octets, mac_key = mac_key }
end

-- A request: spec is { token = (in the request), key =, nonce =, front = attributes, more = attributes, edits =,
-- behind = attributes, transaction =, fingerprint = false }.
function talk:ask(method, spec)
  local attributes = {}
  local function add(list) table.move(list or {}, 1, #list, #attributes + 1, attributes) end
  add(spec.front or {})
  if method == "Allocate" then add { { "REQUESTED-TRANSPORT", 17 } } end
  if method == "CreatePermission" then add { { "XOR-PEER-ADDRESS", PEER } } end
  if spec.key then
    add { { "USERNAME", KID }, { "REALM", REALM }, { "NONCE", spec.nonce or self.nonce } }
    if spec.token then add { { "ACCESS-TOKEN", spec.token.octets } } end
    add(spec.more or {})
    add { { "MESSAGE-INTEGRITY", key = spec.key } }
    add(spec.behind or {})
  end
  if spec.fingerprint ~= false then add { { "FINGERPRINT" } } end
  local transaction = spec.transaction or bytes.random(12)
  self:send(assert(stun.build {
    class = "request", method = method, transaction = transaction, attributes = attributes, edits = spec.edits,
  }))
  return transaction
end

function talk:answer(class, method, transaction, attributes, key)
  if key then attributes[#attributes + 1] = { "MESSAGE-INTEGRITY", key = key } end
  local octets = stun.build { class = class, method = method, transaction = transaction, attributes = attributes }
  self:send(assert(octets), true)
end

-- spec: { method =, code =, name = false for no offer of third-party authorization }
function talk:challenge(transaction, spec)
  spec = spec or {}
  self.nonces = self.nonces + 1
  self.nonce = ("nonce %d"):format(self.nonces)
  local attributes = {
    { "ERROR-CODE", spec.code or 401 }, { "REALM", REALM }, { "NONCE", self.nonce }, { "SOFTWARE", "crafted" },
  }
  if spec.name ~= false then attributes[#attributes + 1] = { "THIRD-PARTY-AUTHORIZATION", spec.name or NAME } end
  self:answer("error", spec.method or "Allocate", transaction, attributes)
end

function talk:granted(method, transaction, key, lifetime)
  local attributes = {}
  if method == "Allocate" then
    attributes = {
      { "XOR-RELAYED-ADDRESS", { address = self.server.address, port = 60000 } },
      { "XOR-MAPPED-ADDRESS", self.mapped or self.client },
    }
  end
  if method ~= "CreatePermission" then attributes[#attributes + 1] = { "LIFETIME", lifetime or 600 } end
  self:answer("success", method, transaction, attributes, key)
end

-- A request and its success.
function talk:let_in(method, spec)
  local transaction = self:ask(method, spec)
  self:granted(method, transaction, spec.key, spec.lifetime)
  return transaction
end

-- The way in: the challenge, and an allocation with a token. Returns the token.
function talk:open(spec)
  self:challenge(self:ask("Allocate", {}))
  local first = self:token(spec)
  self:let_in("Allocate", { token = first, key = first.mac_key, lifetime = spec and spec.lifetime })
  return first
end

-- Two renewals, then a request under the key of the second that gets a 401 with the nonce as it was. Again: the first
-- comes once more before that, so that the server may take it once more and have its key.
function talk:renewed_and_refused(again)
  local second, third, nonces = self:open() and self:token(), self:token(), self.nonces
  self.heard = {}
  self:let_in("Refresh", { token = second, key = second.mac_key })
  self:let_in("Refresh", { token = third, key = third.mac_key })
  if again then
    self:send(self.heard[1][1])
  end
  local refused = self:ask("CreatePermission", { key = third.mac_key })
  self.nonces = nonces - 1
  self:challenge(refused, { method = "CreatePermission" })
end

-- A message with other octets in place of the cookie, as those of RFC 3489 have.
local function without_cookie(octets, other) return octets:sub(1, 4) .. other .. octets:sub(9) end

local function flipped(octets) return string.char(octets:byte() ~ 1) .. octets:sub(2) end

-- As ICE signs its checks.
local short_term = { { "USERNAME", "far:near" }, { "MESSAGE-INTEGRITY", key = "password of the far end" } }

-- name -> { requirement = verdict, ... }, what is said. "none": nothing is said of it.
local cases = {
  good = { {
    ["7635-4-01"] = "pass", ["7635-5-03"] = "pass", ["7635-6.2-02"] = "pass", ["7635-6.2-07"] = "pass",
    ["7635-6.2-08"] = "pass", ["7635-6.2-12"] = "pass", ["7635-9-02"] = "pass", ["7635-9-03"] = "pass",
    ["7635-9-15"] = "pass", ["7635-11-03"] = "pass", ["5389-6-02"] = "pass", ["5389-15.4-01"] = "pass",
    ["5389-15.5-02"] = "pass", ["33203-X.5.3-02"] = "pass", ["7635-9-12"] = "pass", ["7635-5-05"] = "pass",
  }, function(t)
    local first = t:open()
    t:let_in("CreatePermission", { key = first.mac_key })
    local second = t:token()
    t:let_in("Refresh", { token = second, key = second.mac_key })
    t:let_in("Refresh", { token = second, key = second.mac_key })
  end },
  ["without-waiting"] = { { ["7635-9-15"] = "pass", ["7635-7-16"] = "pass" }, function(t)
    t:open()
    local second = t:token()
    local refreshed = t:ask("Refresh", { token = second, key = second.mac_key })
    local permitted = t:ask("CreatePermission", { key = second.mac_key })
    t:granted("Refresh", refreshed, second.mac_key)
    t:granted("CreatePermission", permitted, second.mac_key)
  end },
  ["credentials-at-once"] = { { ["7635-4-01"] = "warn" }, function(t)
    local first = t:token()
    t.nonce = "from elsewhere"
    t:challenge(t:ask("Allocate", { token = first, key = first.mac_key }))
  end },
  ["attribute-behind"] = { { ["7635-5-03"] = "fail" }, function(t)
    local first = t:open()
    t:let_in("Refresh", { token = first, key = first.mac_key, behind = { { "SOFTWARE", "behind" } } })
  end },
  ["large-software"] = { { ["7635-6.2-02"] = "warn" }, function(t)
    local first = t:open()
    t:let_in("Refresh", { token = first, key = first.mac_key, more = { { "SOFTWARE", ("s"):rep(500) } } })
  end },
  ["large-token"] = { { ["7635-6.2-02"] = "none" }, function(t)
    t:challenge(t:ask("Allocate", {}))
    local first = t:token { extra = ("x"):rep(500) }
    t:let_in("Allocate", { token = first, key = first.mac_key })
  end },
  ["short-token-nonce"] = { { ["7635-6.2-07"] = "fail" }, function(t) t:open { nonce = bytes.random(8) } end },
  ["repeated-token-nonce"] = { { ["7635-6.2-08"] = "fail" }, function(t)
    local nonce = bytes.random(12)
    t:open { nonce = nonce }
    local second = t:token { nonce = nonce }
    t:let_in("Refresh", { token = second, key = second.mac_key })
  end },
  ["plain-seconds"] = { { ["7635-6.2-12"] = "fail" }, function(t) t:open { timestamp = START } end },
  ["token-in-permission"] = { { ["7635-9-02"] = "fail" }, function(t)
    local first = t:open()
    t:let_in("CreatePermission", { token = first, key = first.mac_key })
  end },
  ["refresh-without-token"] = { { ["7635-9-03"] = "warn" }, function(t)
    local first = t:open()
    t:let_in("Refresh", { key = first.mac_key })
  end },
  ["allocate-without-token"] = { { ["7635-9-03"] = "fail" }, function(t)
    local first = t:open()
    t:let_in("Allocate", { key = first.mac_key })
  end },
  ["back-to-the-first"] = { { ["7635-9-15"] = "warn" }, function(t)
    local first, second = t:open(), t:token()
    t:let_in("Refresh", { token = second, key = second.mac_key })
    t:let_in("Refresh", { token = first, key = first.mac_key })
  end },
  ["told-in-hex"] = { { ["7635-11-03"] = "fail" }, function(t)
    local first = t:open()
    t:let_in("Refresh", {
      token = first, key = first.mac_key, more = { { "SOFTWARE", "key " .. bytes.hex(first.mac_key) } },
    })
  end },
  ["transaction-used-twice"] = { { ["5389-6-02"] = "fail" }, function(t)
    local first = t:open()
    local transaction = t:let_in("Refresh", { token = first, key = first.mac_key })
    t:ask("Refresh", { token = first, key = first.mac_key, transaction = transaction, more = { { "LIFETIME", 0 } } })
  end },
  ["changed-on-the-way"] = { { ["5389-6-02"] = "fail" }, function(t)
    local first = t:open()
    local transaction = t:ask("Refresh", { token = first, key = first.mac_key })
    t:ask("Refresh", { token = first, key = first.mac_key, transaction = transaction, more = { { "LIFETIME", 0 } } })
  end },
  ["retransmitted"] = { { ["5389-6-02"] = "pass" }, function(t)
    local first = t:open()
    local transaction = t:ask("Refresh", { token = first, key = first.mac_key })
    t:ask("Refresh", { token = first, key = first.mac_key, transaction = transaction })
  end },
  ["attribute-too-long"] = { { ["5389-6-02"] = "fail" }, function(t)
    t:open()
    t:send(assert(stun.build {
      class = "request", method = "Allocate", attributes = { { "SOFTWARE", "abcd", length = 400 } },
    }))
  end },
  ["wrong-integrity"] = { { ["5389-15.4-01"] = "fail" }, function(t)
    local first = t:open()
    t:ask("Refresh", { token = first, key = flipped(first.mac_key) })
  end },
  ["wrong-fingerprint"] = { { ["5389-15.5-02"] = "fail" }, function(t)
    local first = t:open()
    t:ask("Refresh", { token = first, key = first.mac_key, edits = { { "flip", "FINGERPRINT", 3 } } })
  end },
  ["fingerprint-in-front"] = { { ["5389-15.5-02"] = "fail" }, function(t)
    local first = t:open()
    t:ask("Refresh", { token = first, key = first.mac_key, front = { { "FINGERPRINT" } }, fingerprint = false })
  end },
  ["a-name-in-it"] = { { ["33203-X.5.3-02"] = "fail" }, function(t)
    t:challenge(t:ask("Allocate", { front = { { "SOFTWARE", "client of alice@example.com" } } }))
  end },
  ["made-up-nonce"] = { { ["5389-10.2.2-05"] = "fail" }, function(t)
    local first = t:open()
    t:let_in("Refresh", { token = first, key = first.mac_key, nonce = "made up" })
  end },
  ["second-allocation"] = { { ["5766-6.2-01"] = "fail" }, function(t)
    t:open()
    local second = t:token()
    t:let_in("Allocate", { token = second, key = second.mac_key })
  end },
  ["first-16-octets"] = { { ["7635-5-05"] = "fail", ["5389-15.4-01"] = "pass" }, function(t)
    t:challenge(t:ask("Allocate", {}))
    local first = t:token()
    t:let_in("Allocate", { token = first, key = first.mac_key:sub(1, 16) })
  end },
  ["short-term"] = { { ["5389-10.2.2-08"] = "none", ["5389-10.2.2-01"] = "none" }, function(t)
    t:answer("error", "Binding", t:ask("Binding", { front = short_term }), { { "ERROR-CODE", 401 } })
    t:answer("error", "Binding", t:ask("Binding", {}), { { "ERROR-CODE", 401 } })
    t:answer("error", 0x080, t:ask(0x080, {}), { { "ERROR-CODE", 401 } }) -- a usage of their own
  end },
  ["binding-without-nonce"] = { { ["5389-10.2.2-08"] = "fail", ["5389-10.2.2-01"] = "fail" }, function(t)
    t:challenge(t:ask("Allocate", {}))
    t:answer("error", "Binding", t:ask("Binding", { front = short_term }), { { "ERROR-CODE", 401 } })
    t:answer("error", "Binding", t:ask("Binding", {}), { { "ERROR-CODE", 401 } })
  end },
  ["many-open"] = { { ["5389-6-01"] = "pass" }, function(t)
    local asked = {}
    for i = 1, 80 do asked[i] = t:ask("Binding", {}) end
    for i = 1, 80 do t:answer("success", "Binding", asked[i], { { "XOR-MAPPED-ADDRESS", CLIENT } }) end
  end },
  ["late-copy"] = { { ["5389-6-01"] = "pass" }, function(t)
    local first
    for _ = 1, 12 do
      local asked = t:ask("Binding", {})
      first = first or asked
      t:answer("success", "Binding", asked, { { "XOR-MAPPED-ADDRESS", CLIENT } })
    end
    t:answer("success", "Binding", first, { { "XOR-MAPPED-ADDRESS", CLIENT } })
  end },
  ["cookie-of-its-own"] = { { ["5389-6-01"] = "fail" }, function(t)
    t:open()
    local asked = t:ask("Binding", {})
    t:send(without_cookie(assert(stun.build {
      class = "success", method = "Binding", transaction = asked, attributes = { { "XOR-MAPPED-ADDRESS", CLIENT } },
    }), "\1\2\3\4"), true)
  end },
  ["never-asked"] = { { ["5389-6-01"] = "fail" }, function(t)
    t:ask("Binding", {})
    t:answer("success", "Binding", bytes.random(12), { { "XOR-MAPPED-ADDRESS", CLIENT } })
  end },

  -- What conforms, and may look as if it did not.
  ["asked-as-of-old"] = { { ["5389-6-01"] = "pass" }, function(t)
    t:open()
    local asked, old = bytes.random(12), bytes.random(4)
    for _, class in ipairs { "request", "success" } do
      t:send(without_cookie(assert(stun.build {
        class = class, method = "Binding", transaction = asked,
        attributes = class == "success" and { { "MAPPED-ADDRESS", CLIENT } } or nil,
      }), old), class == "success")
    end
  end },
  ["stream-out-of-step"] = { { ["5389-6-01"] = "pass" }, function(t)
    t:open()
    t:send(without_cookie(assert(stun.build { class = "success", method = 0x500, transaction = bytes.random(12) }),
      "\0\13\0\4"))
  end },
  ["renewal-lost"] = { { ["7635-9-06"] = "none", ["7635-9-03"] = "pass" }, function(t)
    t:open { lifetime = 600 }
    local second = t:token { lifetime = 3600 }
    t.lost = true
    t:let_in("Refresh", { token = second, key = second.mac_key, lifetime = 3600 })
    t.lost = false
    t:let_in("Refresh", { key = second.mac_key, lifetime = 3600 })
  end },
  ["new-allocation-half-lost"] = { { ["7635-9-06"] = "none" }, function(t)
    local first, second = t:open { lifetime = 600 }, t:token { lifetime = 3600 }
    t:let_in("Refresh", { token = first, key = first.mac_key, more = { { "LIFETIME", 0 } }, lifetime = 0 })
    t.lost = true
    local transaction = t:ask("Allocate", { token = second, key = second.mac_key })
    t.lost = false
    t:granted("Allocate", transaction, second.mac_key, 3600)
    t:let_in("Refresh", { key = second.mac_key, lifetime = 3600 })
  end },
  ["same-octets-later"] = { { ["5389-7.3.1-02"] = "none", ["5389-6-02"] = "pass" }, function(t)
    local first = t:open()
    local spec = { token = first, key = first.mac_key, transaction = bytes.random(12), nonce = t.nonce }
    t:let_in("Refresh", spec)
    t.at = t.at + 300
    t:challenge(t:ask("Refresh", spec), { method = "Refresh", code = 438 })
  end },
  ["everything-twice"] = { { ["5389-7.3.1-02"] = "pass" }, function(t)
    t.twice = true
    t:open()
  end },
  ["answers-twice"] = { { ["5389-7.3.1-02"] = "none" }, function(t)
    local transaction = t:ask("Binding", {})
    t.twice = true
    t:answer("success", "Binding", transaction, { { "XOR-MAPPED-ADDRESS", CLIENT } })
  end },
  ["asked-again"] = { { ["5389-7.3.1-02"] = "pass" }, function(t)
    local first = t:open()
    local spec = { token = first, key = first.mac_key, transaction = bytes.random(12) }
    t:let_in("Refresh", spec)
    t.at = t.at + 0.5
    t:let_in("Refresh", spec)
  end },
  ["asked-again-too-late"] = { { ["5389-7.3.1-02"] = "none" }, function(t)
    local bare, first = bytes.random(12), t:token()
    t:challenge(t:ask("Allocate", { transaction = bare }))
    t:let_in("Allocate", { token = first, key = first.mac_key })
    t.at = t.at + 0.5
    t:ask("Allocate", { transaction = bare })
    t:answer("error", "Allocate", bare, { { "ERROR-CODE", 437 } }) -- which a server may say before it asks for more
    local spec = { token = first, key = first.mac_key, transaction = bytes.random(12), nonce = t.nonce }
    t:let_in("Refresh", spec)
    t.at = t.at + 8
    t:challenge(t:ask("Refresh", spec), { method = "Refresh", code = 438 })
    spec = { key = first.mac_key, transaction = bytes.random(12), nonce = t.nonce }
    t:let_in("CreatePermission", spec)
    local second = t:token()
    t:let_in("Refresh", { token = second, key = second.mac_key })
    t.at = t.at + 0.5
    t:challenge(t:ask("CreatePermission", spec), { method = "CreatePermission" }) -- under a key of before
  end },
  ["forgotten-allocate"] = { { ["5389-7.3.1-02"] = "fail" }, function(t)
    local first = t:token()
    t:challenge(t:ask("Allocate", {}))
    local spec = { token = first, key = first.mac_key, transaction = bytes.random(12), nonce = t.nonce }
    t:let_in("Allocate", spec)
    t.at = t.at + 0.5
    t:answer("error", "Allocate", t:ask("Allocate", spec), { { "ERROR-CODE", 437 } }, first.mac_key)
  end },
  ["clock-set-forward"] = { { ["7635-7-09"] = "none", ["7635-9-04"] = "none" }, function(t)
    t:open { lifetime = 600 }
    local second, third = t:token { lifetime = 600 }, t:token { lifetime = 600 }
    t.at = t.at + 7200 -- which was a second for the server and the client
    t:let_in("Refresh", { token = second, key = second.mac_key })
    t:let_in("Refresh", { token = second, key = second.mac_key, more = { { "LIFETIME", 0 } }, lifetime = 0 })
    t:let_in("Allocate", { token = third, key = third.mac_key })
  end },
  ["tokens-of-other-flows"] = { { ["7635-9-15"] = "pass" }, function(t)
    local tokens = {}
    for flow = 1, 3 do
      t.client = { address = CLIENT.address, port = CLIENT.port + flow }
      tokens[flow] = t:open()
    end
    t.client = { address = CLIENT.address, port = CLIENT.port + 1 }
    t:let_in("Refresh", { token = tokens[2], key = tokens[2].mac_key })
  end },
  ["heard-at-two-places"] = { { ["7635-9-15"] = "pass", ["7635-9-06"] = "pass" }, function(t)
    local said = {}
    t.heard = said
    local first, second = t:open(), t:token()
    for _ = 1, 6 do t:let_in("Refresh", { token = first, key = first.mac_key }) end
    for _ = 1, 6 do t:let_in("Refresh", { token = second, key = second.mac_key }) end
    t.heard = nil
    for _, one in ipairs(said) do t:send(one[1], one[2]) end
  end },
  ["heard-where-the-clock-is-late"] = { { ["5389-10.2.2-05"] = "none", ["5389-7.3.1-02"] = "none" }, function(t)
    local said = {}
    t.heard = said
    local first = t:open()
    for _ = 1, 12 do t:let_in("Refresh", { token = first, key = first.mac_key }) end
    t:challenge(t:ask("Refresh", { token = first, key = first.mac_key }), { method = "Refresh", code = 438 })
    t.heard = nil
    t.at = t.at + 60
    for _, one in ipairs(said) do t:send(one[1], one[2]) end
  end },
  ["tokens-by-turns"] = { { ["7635-9-15"] = "pass" }, function(t)
    local one, other = { address = CLIENT.address, port = 50001 }, { address = CLIENT.address, port = 50002 }
    t.client = one
    t:open()
    local nonce, second = t.nonce, t:token()
    local stale = t:ask("Refresh", { token = second, key = second.mac_key })
    t.client = other
    t:open()
    t.client, t.nonce = one, nonce
    t:challenge(stale, { method = "Refresh", code = 438 })
    t:let_in("Refresh", { token = second, key = second.mac_key })
  end },
  ["from-the-other-address"] = { { ["5389-6-01"] = "pass" }, function(t)
    local transaction = t:ask("Binding", { front = { { "CHANGE-REQUEST", 6 } } })
    t:ask("Binding", {})
    t.server = { address = "192.0.2.2", port = 3479 }
    t:answer("success", "Binding", transaction, {
      { "XOR-MAPPED-ADDRESS", CLIENT }, { "RESPONSE-ORIGIN", t.server }, { "OTHER-ADDRESS", SERVER },
    })
  end },
  ["mismatch-first"] = { { ["5389-10.2.2-01"] = "pass", ["7635-4-02"] = "none" }, function(t)
    t:open()
    t:answer("error", "Allocate", t:ask("Allocate", {}), { { "ERROR-CODE", 437 } })
  end },
  ["type-given-once"] = { { ["5389-7.3.1-01"] = "none" }, function(t)
    t:granted("Binding", t:ask("Binding", { front = { { 0x000F, "abcd" } } }))
  end },

  -- What is a breach only where nothing is missing.
  ["type-of-their-own"] = { { ["5389-7.3.1-01"] = "fail" }, function(t)
    t:granted("Binding", t:ask("Binding", { front = { { 0x4000, "abcd" } } }))
  end },
  ["not-offered-to-all"] = { { ["7635-4-05"] = "fail" }, function(t)
    t:open()
    t.client = { address = CLIENT.address, port = CLIENT.port + 1 }
    t:challenge(t:ask("Allocate", {}), { name = false })
  end },
  ["refused-near-the-end"] = { { ["7635-9-12"] = "fail" }, function(t)
    local first = t:open { lifetime = 600 }
    t.at = t.at + 500
    t:challenge(t:ask("CreatePermission", { key = first.mac_key }), { method = "CreatePermission" })
  end },
  ["started-anew"] = { { ["7635-9-12"] = "fail" }, function(t)
    local first = t:open()
    t:challenge(t:ask("CreatePermission", { key = first.mac_key }), { method = "CreatePermission" })
  end },
  ["refused-all-the-same"] = { { ["7635-9-12"] = "fail" }, function(t) t:renewed_and_refused(false) end },
  ["old-token-sent-again"] = { { ["7635-9-12"] = "none" }, function(t) t:renewed_and_refused(true) end },
  ["crossed-on-the-way"] = { { ["5389-10.2.2-05"] = "fail", ["7635-9-15"] = "warn" }, function(t)
    local first, second, nonce = t:open(), t:token(), t.nonce
    t:let_in("Refresh", { token = second, key = second.mac_key })
    t:challenge(t:ask("Refresh", { token = second, key = second.mac_key }), { method = "Refresh", code = 438 })
    t.at = t.at + 1
    t:let_in("Refresh", { token = first, key = first.mac_key, nonce = nonce }) -- captured late
  end },
  ["spoilt-token-let-in"] = { { ["7635-9-04"] = "fail" }, function(t)
    local first = t:open()
    local spoilt = { octets = first.octets:sub(1, -2) .. string.char(first.octets:byte(-1) ~ 1) }
    t:let_in("Refresh", { token = spoilt, key = first.mac_key })
  end },
  ["through-a-proxy"] = { { ["5766-6.2-03"] = "fail" }, function(t)
    t.client, t.server = { address = "127.0.0.1", port = 50000 }, { address = "127.0.0.1", port = 3478 }
    t.mapped = { address = "172.17.0.1", port = 40000 }
    t:open()
  end },
}

function crafted.main(options)
  local lines = { ("%s:A256GCM:%s\n"):format(KID, bytes.base64(KEY)) }
  for name, case in pairs(cases) do
    local t = begin(("%s/%s.pcapng"):format(options.suites[1], name))
    case[2](t)
    assert(t.writer:close())
    lines[#lines + 1] = json.encode { name = name, expected = case[1] } .. "\n"
  end
  system.write(1, table.concat(lines))
  return 0
end

return crafted
