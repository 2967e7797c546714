-- SPDX-License-Identifier: BSD-3-Clause
--
-- The fields of a profile: what each may be, and the words that say so to whoever wrote something else. Whether they
-- fit together is looked at in complete.lua.

local transports = require "support.transports"

local schema = {}

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

schema.transport = one_of(table.unpack(transports.names))
local address = record({ address = text, port = port }, "a table like { address = \"192.0.2.1\", port = 9 }")

schema.fields = record({
  name = text, -- how reports call it
  role = one_of "server",
  address = text, -- host name or IP address; a launched target gets 127.0.0.1 when it names none
  address6 = text, -- the same for a second address, of IPv6, with the same ports
  ports = record({ udp = port, tcp = port, tls = port, dtls = port },
    "a table of ports like { udp = 3478, tcp = 3478 }"),
  -- The first one carries what is shown once.
  transports = list(schema.transport, 'a list of "udp", "tcp", "tls", "dtls", and "udp6" and so on at address6'),
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
  hash_functions = list(one_of("SHA-1", "SHA-256"), 'a list of "SHA-1" and "SHA-256"'), -- of the HMAC it takes
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
  max_lifetime = seconds, -- the largest LIFETIME that it grants
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
        report(name, nil, name:match "[^.]*$", kind.fields)
      else
        check(field, field_kind, name, report)
      end
    end
  end
end

-- Calls report(field, expected, value) for each value that is not of its kind; expected is nil where there is no such
-- field, then its last name follows, and a table of those that there are.
function schema.check(value, report)
  check(value, schema.fields, "", report)
end

-- A value as a message shows it. Keys and passwords are never shown, wherever somebody put them.
function schema.show(value, path)
  if path:match "^keys" or path:match "^expiring_key" or path:match "^users" or path:match "^launch%.environment" then
    return "a " .. type(value)
  end
  if type(value) == "string" then return ("%q"):format(value:sub(1, 40)):gsub("\n", "n") end
  if type(value) == "table" then return "a table" end
  return tostring(value)
end

return schema
