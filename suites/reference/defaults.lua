-- SPDX-License-Identifier: BSD-3-Clause
--
-- What `assay serve` and the embedded reference use when nothing else is said. The keys are published here, so they
-- protect nothing: each is the text beside it, stretched by SHA-1 over "text N" to the length its algorithm takes.

local bytes = require "bytes"
local token = require "token"

local defaults = {
  address = "127.0.0.1",
  address6 = "::1", -- of the embedded reference
  transports = { "udp", "tcp", "tls", "dtls", "udp6", "tcp6" }, -- likewise
  realm = "example.org",
  server_name = "Stun1@reference.example.org", -- mixed case and 27 octets: folding or padding it shows
  software = "assay reference",
  delta = 5, -- seconds, RFC 7635 section 7
  nonce_lifetime = 600,
  default_lifetime = 600,
  max_lifetime = 3600,
  max_allocations = 512,
  idle = 60, -- seconds
  users = {
    { name = "ninja", password = "youhavetoberealistic" },
    { name = "guest", password = "guests are welcome" },
  },
}

-- The first octets of SHA-1("text 1") || SHA-1("text 2") || …
local function stretch(text, length)
  local parts = {}
  for i = 1, (length + 19) // 20 do parts[i] = bytes.sha1(("%s %d"):format(text, i)) end
  return table.concat(parts):sub(1, length)
end

local function key(kid, algorithm)
  local description = assert(token.algorithm(algorithm))
  return { kid = kid, algorithm = algorithm, key = stretch("assay demonstration key " .. kid, description.key_length) }
end

defaults.keys = {
  key("north", "A256GCM"),
  key("south", "A256GCM"),
  key("west", "A128GCM"),
  key("east", "A128CBC-HS256"),
  key("centre", "A256CBC-HS512"),
}

-- One that the run says the end of (ASSAY_EXPIRING_KEY); nothing else knows it.
defaults.expiring_key = key("brief", "A256GCM")

return defaults
