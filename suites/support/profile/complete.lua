-- SPDX-License-Identifier: BSD-3-Clause
--
-- Makes a profile whole: its keys are read, what it leaves out gets its default, and what does not fit together is
-- refused.

local bytes = require "bytes"
local features = require "support.profile.features"
local refusal = require "support.profile.refusal"
local schema = require "support.profile.schema"
local system = require "system"
local token = require "token"
local transports = require "support.transports"

local refuse, missing = refusal.refuse, refusal.missing

local complete = {}

local function check_keys(where, keys, only)
  for i, key in ipairs(keys) do
    local field = only or ("keys[%d]"):format(i)
    for _, name in ipairs { "kid", "algorithm", "key" } do
      if not key[name] then
        missing(where, field .. "." .. name, name == "key" and not only
          and "base64 here, or a line KID:ALG:BASE64 of the kid behind --key or in ASSAY_KEYS" or "a text in quotes")
      end
    end
    if #key.kid < 1 or #key.kid > 508 then
      refuse(where, "field '%s.kid': 1 to 508 octets are expected, as it travels in USERNAME; it has %d", field,
        #key.kid)
    end
    local algorithm, unknown = token.algorithm(key.algorithm)
    if not algorithm then refuse(where, "field '%s.algorithm': %s", field, unknown) end
    local octets, bad, offset = bytes.unbase64(key.key)
    if not octets then
      refuse(where, "field '%s.key': base64 (RFC 4648 section 4) is expected, %s at character %s", field, bad,
        tostring((offset or 0) + 1))
    end
    local fits, problem = token.check_key(key.algorithm, octets)
    if not fits then refuse(where, "field '%s.key': %s", field, problem) end
    key.octets = octets
  end
end

-- Those of its ports, at its second address without TLS; UDP and TCP for a launched target that names no ports.
local function default_transports(p)
  local names = {}
  for _, name in ipairs(transports.names) do
    local protocol = transports.protocol(name)
    local offered = p.ports and p.ports[protocol] or not p.ports and not transports.is_secure(name)
    local asked = not transports.is_second(name) or p.address6 and not transports.is_secure(name)
    if offered and asked then names[#names + 1] = name end
  end
  return names
end

-- p: a profile whose fields are of their kinds; where: the file or the option that it comes from. Returns it with all
-- that it leaves out; refuses it (refusal.lua) where something is missing or does not fit.
function complete.profile(where, p)
  p.name = p.name or where
  p.role = p.role or "server"
  p.keys, p.users = p.keys or {}, p.users or {}
  if p.third_party == nil then p.third_party = true end
  if p.launch and not p.launch.command then
    missing(where, "launch.command", "a command line, or a list of its words")
  end
  if not p.launch then
    if not p.address then missing(where, "address", "a host name or an IP address (or launch, to start it)") end
    if not p.ports or not next(p.ports) then
      missing(where, "ports", "a table of ports like { udp = 3478 } (or launch)")
    end
  end
  p.address = p.address or "127.0.0.1"
  p.transports = p.transports or default_transports(p)
  if #p.transports == 0 then refuse(where, "field 'transports': at least one of udp, tcp, tls and dtls is expected") end
  local named = {}
  for i, name in ipairs(p.transports) do
    local protocol = transports.protocol(name)
    if named[name] then refuse(where, "field 'transports[%d]': %s is named twice", i, name) end
    named[name] = true
    if p.ports and not p.ports[protocol] then
      missing(where, "ports." .. protocol, ("the port for the transport %s that the profile names"):format(name))
    end
    if transports.is_second(name) and not p.address6 then
      missing(where, "address6", ("the IPv6 address for the transport %s that the profile names"):format(name))
    end
  end
  p.tls = p.tls or {}
  if p.tls.ca and not system.exists(p.tls.ca) then
    refuse(where, "field 'tls.ca': %s is not there", schema.show(p.tls.ca, "tls.ca"))
  end
  check_keys(where, p.keys)
  local expiring = p.expiring_key
  if expiring then
    check_keys(where, { expiring }, "expiring_key")
    if (expiring.expires_in == nil) == (expiring.expires == nil) then
      missing(where, "expiring_key.expires_in", "either seconds after the launch, or expires, seconds since 1970,")
    end
    if expiring.expires_in and not p.launch then
      refuse(where, "field 'expiring_key.expires_in': it counts from the launch, and there is none; expires is a time")
    end
  end
  for i, user in ipairs(p.users) do
    for _, name in ipairs { "name", "password" } do
      if not user[name] then
        missing(where, ("users[%d].%s"):format(i, name), name == "password"
          and "a text in quotes here, or a line NAME:PASSWORD behind --user or in ASSAY_USERS" or "a text in quotes")
      end
    end
  end
  if p.third_party and #p.keys == 0 then
    missing(where, "keys", "at least one long-term key { kid =, algorithm =, key = base64 } (or --key, or ASSAY_KEYS), "
      .. "or third_party = false for a server that takes no tokens,")
  end
  p.features = features.of(p)
  if p.may_harm == nil then p.may_harm = p.launch ~= nil end -- what is said outright counts, also for one we launch
  return p
end

return complete
