-- SPDX-License-Identifier: BSD-3-Clause
--
-- The profile of an implementation under test: the target's own statement of what it is and offers (its PICS). It is
-- read from a Lua file that returns one table, or made from the command line; either way it is checked here, field by
-- field, before anything is sent.

local bytes = require "bytes"
local net = require "net"
local sandbox = require "support.sandbox"
local secrets = require "support.secrets"
local system = require "system"
local token = require "token"
local transports = require "support.transports"

local profile = {}

-- A kind is a function: value -> true, or false and what is expected.
local function of_type(name, expected)
  return function(value) return type(value) == name, expected end
end

local text = of_type("string", "a text in quotes")
local yes_no = of_type("boolean", "true or false")

local function number(low, high, what)
  return function(value)
    return type(value) == "number" and value >= low and value <= high, what
  end
end

local seconds = number(0, 1e9, "a number of seconds, 0 or more")
local whole = function(value) return math.type(value) == "integer" and value >= 1, "a whole number from 1 on" end
local port = function(value)
  return math.type(value) == "integer" and value >= 1 and value <= 65535, "a port number (1 to 65535)"
end

local function one_of(...)
  local allowed = { ... }
  return function(value)
    for _, one in ipairs(allowed) do
      if value == one then return true end
    end
    return false, 'one of "' .. table.concat(allowed, '", "') .. '"'
  end
end

local function record(fields, what)
  return { fields = fields, what = what }
end

local function list(element, what)
  return { element = element, what = what }
end

local transport = one_of(table.unpack(transports.names))
local address = record({ address = text, port = port }, "a table like { address = \"192.0.2.1\", port = 9 }")

local schema = record({
  name = text, -- how reports call it
  role = one_of "server",
  address = text, -- host name or IP address; a launched target gets 127.0.0.1 when it names none
  address6 = text, -- the same for a second address, of IPv6, with the same ports
  ports = record({ udp = port, tcp = port, tls = port, dtls = port },
    "a table of ports like { udp = 3478, tcp = 3478 }"),
  transports = list(transport, 'a list of "udp", "tcp", "tls", "dtls", and "udp6" and so on at address6'),
  -- the first one carries what is shown once
  tls = record({
    ca = text, -- the file of certificates that vouch for the target's; those of the system unless given
    name = text, -- what its certificate must bear; by default the address
    insecure = yes_no, -- any certificate will do
  }, "a table like { ca = \"ca.pem\", name = \"turn.example.org\" }"),
  server_name = text, -- what THIRD-PARTY-AUTHORIZATION must announce
  realm = text,
  keys = list(record({ kid = text, algorithm = text, key = text }, "a table { kid =, algorithm =, key = base64 }"),
    "a list of tables { kid =, algorithm =, key = base64 }"),
  expiring_key = record({
    kid = text, algorithm = text, key = text, expires_in = seconds, expires = number(0, 2 ^ 48, "seconds since 1970"),
    leeway = seconds,
  }, "a table { kid =, algorithm =, key =, expires_in = seconds after its start }"), -- one that it stops using
  users = list(record({ name = text, password = text }, "a table { name =, password = }"),
    "a list of tables { name =, password = }"),
  third_party = yes_no, -- false: it takes no tokens
  authenticates_binding = yes_no, -- it asks for credentials in Binding requests too
  rfc8489 = yes_no, -- it claims RFC 8489, the later edition of STUN
  launch = record({
    command = function(value)
      if type(value) == "string" then return true end
      if type(value) ~= "table" or #value == 0 then return false, "a command line, or a list of its words" end
      for _, word in ipairs(value) do
        if type(word) ~= "string" then return false, "a list of words, each a text in quotes" end
      end
      return true
    end,
    environment = function(value)
      if type(value) ~= "table" then return false, "a table of texts by name" end
      for name, entry in pairs(value) do
        if type(name) ~= "string" or type(entry) ~= "string" then return false, "a table of texts by name" end
      end
      return true
    end,
    ready_timeout = seconds,
  }, "a table { command = , environment = , ready_timeout = }"),
  integrity_key = one_of("full", "first16"), -- which part of mac_key it keys the HMAC with; found out when absent
  clock_offset = number(-1e9, 1e9, "seconds that its clock is ahead of ours (negative: behind)"),
  delta = seconds, -- its Delta of RFC 7635 section 7
  nonce_lifetime = seconds, -- after which a nonce is answered with 438
  may_harm = yes_no,
  max_rate = number(0.1, 1e6, "requests a second, from 0.1 on"),
  max_allocations = whole,
  peer = address, -- a UDP address that sends each datagram back
  direct_path = yes_no, -- no NAT or balancer between us: the mapped address must be our own
  notes = text, -- for people
}, "a table")

local function check(value, kind, path, report)
  if type(kind) == "function" then
    local ok, expected = kind(value)
    if not ok then report(path, expected, value) end
  elseif type(value) ~= "table" then
    report(path, kind.what, value)
  elseif kind.element then
    for i, element in ipairs(value) do check(element, kind.element, ("%s[%d]"):format(path, i), report) end
    for key in pairs(value) do
      if math.type(key) ~= "integer" or key < 1 or key > #value then report(path, kind.what, value) end
    end
  else
    local names = {} -- sorted, so that of two mistakes it is always the same one that is told
    for key, field in pairs(value) do
      local name = path == "" and tostring(key) or path .. "." .. tostring(key)
      names[#names + 1] = name
      names[name] = { field, kind.fields[key] }
    end
    table.sort(names)
    for _, name in ipairs(names) do
      local field, field_kind = names[name][1], names[name][2]
      if not field_kind then
        report(name, nil)
      else
        check(field, field_kind, name, report)
      end
    end
  end
end

-- A value as a message shows it. Keys and passwords are never shown, wherever somebody put them.
local function show(value, path)
  if path:match "^keys" or path:match "^expiring_key" or path:match "^users" or path:match "^launch%.environment" then
    return "a " .. type(value)
  end
  if type(value) == "string" then return ("%q"):format(value:sub(1, 40)):gsub("\n", "n") end
  if type(value) == "table" then return "a table" end
  return tostring(value)
end

local invalid = {} -- the error that leaves the checks: { [invalid] = true, text = }

local function refuse(where, format, ...)
  error({ [invalid] = true, text = where .. ": " .. format:format(...) }, 0)
end

local function missing(where, field, expected)
  refuse(where, "field '%s' is missing: %s is expected", field, expected)
end

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

-- What the profile says that the target can do: the words a scenario's `needs` may use.
local function features_of(p)
  local features = {}
  features["third-party"] = p.third_party
  features["no-third-party"] = not p.third_party
  features.users = #p.users > 0
  features["long-nonces"] = p.nonce_lifetime ~= nil
  features["expiring-key"] = p.expiring_key ~= nil
  features.rfc8489 = p.rfc8489 == true
  for _, a in ipairs(p.keys) do
    if a.algorithm:find("CBC", 1, true) then features.cbc = true end
    if a.algorithm:find("GCM", 1, true) then features.gcm = true end
    if a.algorithm:find "^A1%d%dGCM$" then features["short-gcm"] = true end
    if a.algorithm ~= p.keys[1].algorithm then features["two-algorithms"] = true end
    for _, b in ipairs(p.keys) do
      if a.kid ~= b.kid and a.algorithm == b.algorithm and a.octets ~= b.octets then features["two-kids"] = true end
    end
  end
  for _, one in ipairs(p.transports) do
    features[one] = true
    features.datagram = features.datagram or transports.is_datagram(one)
    features.secure = features.secure or transports.is_secure(one)
  end
  return features
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

local function complete(where, p)
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
  for _, name in ipairs(p.transports) do
    local protocol = transports.protocol(name)
    if p.ports and not p.ports[protocol] then
      missing(where, "ports." .. protocol, ("the port for the transport %s that the profile names"):format(name))
    end
    if transports.is_second(name) and not p.address6 then
      missing(where, "address6", ("the IPv6 address for the transport %s that the profile names"):format(name))
    end
  end
  p.tls = p.tls or {}
  if p.tls.ca and not system.exists(p.tls.ca) then
    refuse(where, "field 'tls.ca': %s is not there", show(p.tls.ca, "tls.ca"))
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
  p.features = features_of(p)
  if p.may_harm == nil then p.may_harm = p.launch ~= nil end -- what is said outright counts, also for one we launch
  return p
end

local function guard(build)
  local ok, result = pcall(build)
  if ok then return result end
  if type(result) == "table" and result[invalid] then return nil, result.text end
  error(result, 0)
end

-- "HOST:PORT", "[V6]:PORT" -> host, port.
local function split_address(where, word)
  local host, digits = word:match "^%[([^%]]+)%]:(%d+)$"
  if not host then host, digits = word:match "^([^:%[%]]+):(%d+)$" end
  local number_ = tonumber(digits)
  if not number_ or number_ < 1 or number_ > 65535 then
    refuse(where, "HOST:PORT is expected (an IPv6 address in brackets), this is %s", show(word, where))
  end
  return host, math.tointeger(number_)
end

-- What a reader of secrets found; its mistake is one of the command line.
local function read_secrets(read, ...)
  local found, problem = read(...)
  if not found then error({ [invalid] = true, text = problem }, 0) end
  return found
end

-- options: where secrets may stand that the profile leaves out; nil where it is whole.
local function checked(where, p, options)
  check(p, schema, "", function(field, expected, value)
    if not expected then refuse(where, "field '%s' is not known; the fields are described in README.md", field) end
    refuse(where, "field '%s': %s is expected, this is %s", field, expected, show(value, field))
  end)
  if options then read_secrets(secrets.complete, p, options) end
  return complete(where, p)
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
      nonce_lifetime = REFERENCE_NONCES, rfc8489 = true,
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
    local known, expected = transport(name)
    if not known then return ("--transport: %s is expected, this is %s"):format(expected, show(name, "")) end
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

-- TLS is not spoken on the port of TCP, nor DTLS on that of UDP.
local carriers = { { udp = "udp", tcp = "tcp" }, { tls = "tcp", dtls = "udp" } }

-- Free ports by protocol: one for those without TLS, one for those with it, each free at both hosts. also: the second
-- of them, or nil. nil, text when there are none.
local function free_ports(host, also, names)
  local ports, taken = {}, {}
  local spoken = {}
  for _, name in ipairs(names) do spoken[transports.protocol(name)] = true end
  for _, carrier in ipairs(carriers) do
    local protocols, kinds = {}, {}
    for protocol, kind in pairs(carrier) do
      if spoken[protocol] then protocols[#protocols + 1], kinds[#kinds + 1] = protocol, kind end
    end
    local free, busy
    repeat
      if #protocols == 0 then break end
      free, busy = net.free_port { address = host, also = also, transports = kinds }
      if not free then return nil, busy end
    until not taken[free]
    for _, protocol in ipairs(protocols) do ports[protocol], taken[free] = free, true end
  end
  return ports
end

-- The first address of a host for which is_wanted(address); nil, text when it has none, and which it has.
local function resolve(host, is_wanted)
  local found, problem = net.resolve(host)
  if not found then return nil, ("%s: %s"):format(host, problem) end
  for _, one in ipairs(found) do
    if is_wanted(one.address) then return one.address end
  end
  return nil, ("%s: it has no such address"):format(host), found[1].address
end

local function is_ipv6(host) return host:find(":", 1, true) ~= nil end

-- Why this machine cannot use the second address, or nil: it has none of that family, or no way there.
local function unusable(p, host)
  local spec = p.launch and { address = { address = host, port = 0 } } or { remote = { address = host, port = 9 } }
  local endpoint, problem = net.udp(spec)
  if endpoint then return endpoint:close() end
  local loopback = host == "::1" and " (it has no IPv6 loopback)" or ""
  return ("IPv6 cannot be used on this machine%s: %s"):format(loopback, problem)
end

-- The addresses by transport: { udp = { address =, port = }, tcp = … }. Free ports are chosen for a launched target
-- that names none. Transports of a second address that this machine cannot use are left out, and `unreachable` of the
-- profile says why, by transport. nil, text when a name does not resolve, or nothing is left.
function profile.addresses(p)
  -- A name with addresses of both families stands for that of IPv4 where the other is asked for too.
  local host, problem, other = resolve(p.address, function(one) return not (p.address6 and is_ipv6(one)) end)
  host = host or other
  if not host then return nil, problem end
  local also, why_not
  local reachable = {}
  p.unreachable = {}
  for _, name in ipairs(p.transports) do
    if transports.is_second(name) and not also and not why_not then
      also, problem = resolve(p.address6, is_ipv6)
      if not also then return nil, problem .. ": address6 is an address of IPv6" end
      why_not = unusable(p, also)
      if why_not then also = nil end
    end
    if transports.is_second(name) and why_not then
      p.unreachable[name] = why_not
    else
      reachable[#reachable + 1] = name
    end
  end
  if #reachable == 0 then return nil, why_not end
  local ports = p.ports
  if not ports then
    ports, problem = free_ports(host, also, reachable)
    if not ports then return nil, problem end
  end
  local addresses = {}
  for _, name in ipairs(reachable) do
    addresses[name] = { address = transports.is_second(name) and also or host, port = ports[transports.protocol(name)] }
  end
  return addresses
end

return profile
