-- SPDX-License-Identifier: BSD-3-Clause
--
-- The profile of an implementation under test: the target's own statement of what it is and offers (its PICS). It is
-- read from a Lua file that returns one table, or made from the command line; either way it is checked field by field
-- (profile/schema.lua) and completed (profile/complete.lua) before anything is sent.

local addresses = require "support.profile.addresses"
local bytes = require "bytes"
local complete = require "support.profile.complete"
local nearest = require "support.nearest"
local refusal = require "support.profile.refusal"
local sandbox = require "support.sandbox"
local schema = require "support.profile.schema"
local secrets = require "support.secrets"
local system = require "system"
local transports = require "support.transports"

local guard, refuse = refusal.guard, refusal.refuse

local profile = {}

-- Where its target is, by transport.
profile.addresses = addresses.of

-- "HOST:PORT", "[V6]:PORT" -> host, port.
local function split_address(where, word)
  local host, digits = word:match "^%[([^%]]+)%]:(%d+)$"
  if not host then host, digits = word:match "^([^:%[%]]+):(%d+)$" end
  local number_ = tonumber(digits)
  if not number_ or number_ < 1 or number_ > 65535 then
    refuse(where, "HOST:PORT is expected (an IPv6 address in brackets, a port up to 65535), this is %s",
      schema.show(word, where))
  end
  return host, math.tointeger(number_)
end

-- What a reader of secrets found; its mistake is one of the command line.
local function read_secrets(read, ...)
  local found, problem = read(...)
  if not found then refusal.throw(problem) end
  return found
end

-- options: where secrets may stand that the profile leaves out; nil where it is whole.
local function checked(where, p, options)
  schema.check(p, function(field, expected, value, known)
    if not expected then
      local near = nearest.of(value, known)
      refuse(where, "field '%s' is not known%s; docs/profiles.md describes the fields", field,
        near and (", is '%s' meant?"):format(near) or "")
    end
    refuse(where, "field '%s': %s is expected, this is %s", field, expected, schema.show(value, field))
  end)
  if options then read_secrets(secrets.complete, p, options) end
  return complete.profile(where, p)
end

-- The profile in a file. options: of the command line, whose keys and users (and ASSAY_KEYS and ASSAY_USERS) complete
-- it. nil and one line (file, field, what was expected) when it is not usable.
function profile.load(path, options)
  local chunk, problem = sandbox.data(path)
  -- What Lua quotes of the text may be half a key.
  if not chunk then return nil, (problem:gsub(" near .*", "")) end
  local ok, value = pcall(chunk)
  if not ok then
    local place = tostring(value):match "^(.-:%d+: )" or path .. ": "
    return nil, place .. "a profile is a table of texts in quotes, numbers, true and false; it calls and names nothing"
  end
  if type(value) ~= "table" then return nil, path .. ": a profile returns one table, this returns " .. type(value) end
  return guard(function() return checked(path, value, options) end)
end

-- The profile that --server, --transport, --key, --launch … describe.
function profile.from_options(options)
  return guard(function()
    local p = {
      transports = #options.transports > 0 and options.transports or { "udp" },
      server_name = options.server_name, realm = options.realm, third_party = options.third_party,
      keys = read_secrets(secrets.keys, options.keys), users = read_secrets(secrets.users, options.users),
      launch = options.launch and { command = options.launch } or nil,
      tls = { ca = options.ca, insecure = options.insecure },
    }
    if options.server then
      local host, number_ = split_address("--server", options.server)
      p.name, p.address, p.ports = options.server, host, {}
      for _, name in ipairs(p.transports) do p.ports[transports.protocol(name)] = number_ end
    else
      p.name = options.launch
    end
    return checked("command line", p)
  end)
end

local REFERENCE_NONCES = 8 -- seconds: short enough for a run to outlive one

-- The embedded reference server: started as a process of its own, like any other target.
function profile.reference(options)
  return guard(function()
    local defaults = require "reference.defaults"
    local faults = require "reference.faults"
    for _, name in ipairs(options.faults) do
      if not faults.find(name) then
        refuse("--fault", "there is no fault '%s'; near it: %s (assay serve --list-faults tells all)", name,
          table.concat(faults.nearest(name), ", "))
      end
    end
    local command = { system.program(), "serve", "--nonce-lifetime", tostring(REFERENCE_NONCES) }
    for _, fault in ipairs(options.faults) do table.move({ "--fault", fault }, 1, 2, #command + 1, command) end
    local p = {
      name = "assay reference server" .. (#options.faults > 0 and " with " .. table.concat(options.faults, ", ") or ""),
      address6 = defaults.address6, transports = #options.transports > 0 and options.transports or defaults.transports,
      server_name = defaults.server_name, realm = defaults.realm, keys = {}, users = {},
      third_party = options.third_party, launch = { command = command }, delta = defaults.delta,
      nonce_lifetime = REFERENCE_NONCES, max_lifetime = defaults.max_lifetime, rfc8489 = true,
    }
    for i, key in ipairs(defaults.keys) do
      p.keys[i] = { kid = key.kid, algorithm = key.algorithm, key = bytes.base64(key.key) }
    end
    local brief = defaults.expiring_key
    p.expiring_key = {
      kid = brief.kid, algorithm = brief.algorithm, key = bytes.base64(brief.key), expires_in = REFERENCE_NONCES,
    }
    for i, user in ipairs(defaults.users) do p.users[i] = { name = user.name, password = user.password } end
    if p.third_party == false then p.keys, p.server_name, p.expiring_key = nil, nil, nil end
    return checked("reference", p)
  end)
end

-- What is wrong with the transports of the command line, or nil.
function profile.wrong_transport(options)
  for _, name in ipairs(options.transports) do
    local known, expected = schema.transport(name)
    if not known then return ("--transport: %s is expected, this is %s"):format(expected, schema.show(name, "")) end
  end
end

-- The profile that the command line of `assay run` asks for.
function profile.of(options)
  local wrong = profile.wrong_transport(options)
  if wrong then return nil, wrong end
  local given = {} -- what describes a target, as it stands on the command line
  for _, field in ipairs {
    "server", "launch", "server_name", "realm", "keys", "users", "ca", "insecure", "transports",
  } do
    local value = options[field]
    if value and (type(value) ~= "table" or #value > 0) then
      given[#given + 1] = "--" .. field:gsub("_", "-"):gsub("s$", "")
    end
  end
  if options.target then
    for _, option in ipairs(given) do
      if option ~= "--key" and option ~= "--user" then
        return nil, ("--target names a profile, which says all of it: %s cannot stand beside it"):format(option)
      end
    end
    if options.third_party == false then
      return nil, "--target names a profile, which says all of it: --no-third-party cannot stand beside it"
    end
  end
  local described = options.target or options.server or options.launch
  for _, option in ipairs(given) do
    if not described and option ~= "--transport" then
      return nil, ("%s describes a target, and none is named: --server or --launch does that"):format(option)
    end
  end
  if #options.faults > 0 and (options.target or options.server or options.launch) then
    return nil, "--fault breaks the embedded reference server, which is used when no target is named"
  end
  if options.target then return profile.load(options.target, options) end
  if options.server or options.launch then return profile.from_options(options) end
  return profile.reference(options)
end

return profile
