-- SPDX-License-Identifier: BSD-3-Clause
--
-- The command `assay serve`: the reference server as a program, until SIGINT or SIGTERM. What the command line does not
-- say, the environment may (ASSAY_ADDRESS, ASSAY_ADDRESS6, ASSAY_PORT, ASSAY_TLS_PORT, ASSAY_DTLS_PORT,
-- ASSAY_CERTIFICATE, ASSAY_PRIVATE_KEY, ASSAY_REALM, ASSAY_SERVER_NAME, ASSAY_KEYS, ASSAY_EXPIRING_KEY, ASSAY_USERS,
-- ASSAY_THIRD_PARTY: what assay tells a target that it launches), and then defaults.lua. Secrets are never printed.

local bytes = require "bytes"
local defaults = require "reference.defaults"
local faults = require "reference.faults"
local json = require "json"
local net = require "net"
local server = require "reference.server"
local system = require "system"
local token = require "token"

local serve = {}

local OK <const>, USAGE <const>, NO_SERVER <const>, NOT_WRITTEN <const>, CRASHED <const> = 0, 2, 3, 4, 70

-- Ends with status 2 and one line on stderr.
local function refuse(format, ...)
  error({ usage = format:format(...) }, 0)
end

local function environment(name)
  local value = system.environment(name)
  return value ~= "" and value or nil
end

-- The lines of the options, @FILE standing for those of a file, or else those of an environment variable.
local function lines_of(words, option, variable)
  local lines = {}
  local function add(content)
    for line in content:gmatch "[^\r\n]+" do
      if line:match "%S" and not line:match "^%s*#" then lines[#lines + 1] = line:match "^%s*(.-)%s*$" end
    end
  end
  for _, word in ipairs(words) do
    if word:sub(1, 1) == "@" then
      local content, problem = system.read(word:sub(2), 1024 * 1024)
      if not content then refuse("%s: %s", option, problem) end
      add(content)
    else
      add(word)
    end
  end
  if #words == 0 then add(environment(variable) or "") end
  return lines
end

-- What is wrong is said by number and kid: the line itself holds a key.
local function keys_of(words)
  local keys, seen = {}, {}
  for i, line in ipairs(lines_of(words, "--key", "ASSAY_KEYS")) do
    local kid, algorithm, text = line:match "^(.+):([^:]+):([^:]+)$"
    if not kid then refuse("--key number %d: KID:ALG:BASE64 is expected", i) end
    local octets, problem = bytes.unbase64(text)
    if not octets then refuse("--key %s: %s", kid, problem) end
    local fits, misfit = token.check_key(algorithm, octets)
    if not fits then refuse("--key %s: %s", kid, misfit) end
    if seen[kid] then refuse("--key %s is given twice", kid) end
    seen[kid] = true
    keys[i] = { kid = kid, algorithm = algorithm, key = octets }
  end
  return keys
end

-- KID:ALGORITHM:BASE64:SECONDS, a key that is good until that time (seconds since 1970) and no longer.
local function expiring_key_of(line)
  if not line then return nil end
  local spec, expires = line:match "^(.+):(%d+)$"
  if not spec then refuse "ASSAY_EXPIRING_KEY: KID:ALGORITHM:BASE64:SECONDS is expected" end
  local key = keys_of({ spec })[1]
  key.expires = tonumber(expires)
  return key
end

local function users_of(words)
  local users = {}
  for i, line in ipairs(lines_of(words, "--user", "ASSAY_USERS")) do
    local name, password = line:match "^([^:]+):(.+)$"
    if not name then refuse("--user number %d: NAME:PASSWORD is expected", i) end
    users[i] = { name = name, password = password }
  end
  return users
end

-- otherwise: the text where neither says one.
local function port_of(option, variable, otherwise)
  local text = option or environment(variable) or otherwise
  if not text then return nil end
  local port = text:match "^%d+$" and tonumber(text)
  if not port or port > 65535 then refuse("%s is no port: 0 to 65535 is expected", text) end
  return port
end

-- TLS and DTLS are served where a port is named, and then need a certificate. Returns the ports of all transports, the
-- certificate and its key.
local function transports_of(options)
  local plain = port_of(options.port, "ASSAY_PORT", "0")
  local ports = {
    udp = plain, tcp = plain, tls = port_of(options.tls_port, "ASSAY_TLS_PORT"),
    dtls = port_of(options.dtls_port, "ASSAY_DTLS_PORT"),
  }
  local certificate = options.certificate or environment "ASSAY_CERTIFICATE"
  local key = options.private_key or environment "ASSAY_PRIVATE_KEY"
  if (ports.tls or ports.dtls) and not (certificate and key) then
    refuse "a port for TLS or DTLS takes --certificate and --private-key"
  end
  return ports, certificate, key
end

local function third_party_of(option)
  if option == false then return false end
  local text = environment "ASSAY_THIRD_PARTY"
  if text and text ~= "yes" and text ~= "no" then refuse("ASSAY_THIRD_PARTY=%s: yes or no is expected", text) end
  return text ~= "no"
end

local function faults_of(names)
  for _, name in ipairs(names) do
    if not faults.find(name) then
      refuse("there is no fault '%s'; near it: %s (--list-faults tells all)", name,
        table.concat(faults.nearest(name), ", "))
    end
  end
  return names
end

local function config_of(options)
  local ports, certificate, private_key = transports_of(options)
  local keys, users = keys_of(options.keys), users_of(options.users)
  local expiring = expiring_key_of(environment "ASSAY_EXPIRING_KEY")
  if #keys == 0 then table.move(defaults.keys, 1, #defaults.keys, 1, keys) end
  keys[#keys + 1] = expiring
  local third_party = third_party_of(options.third_party)
  local address = options.address or environment "ASSAY_ADDRESS" or defaults.address
  local found, problem = net.resolve(address)
  if not found then refuse("%s: %s", address, problem) end
  local second = options.address6 or environment "ASSAY_ADDRESS6"
  local found6
  if second then
    found6, problem = net.resolve(second)
    if not found6 then refuse("%s: %s", second, problem) end
    if not found6[1].address:find(":", 1, true) then refuse("%s is no IPv6 address", second) end
  end
  local relay_address = options.relay_address or found[1].address
  if relay_address == "0.0.0.0" or relay_address == "::" then
    refuse("%s is no address to relay from: --relay-address says which", relay_address)
  end
  return {
    address = found[1].address, address6 = found6 and found6[1].address, ports = ports, relay_address = relay_address,
    certificate = certificate, key = private_key,
    realm = options.realm or environment "ASSAY_REALM" or defaults.realm,
    server_name = options.server_name or environment "ASSAY_SERVER_NAME" or defaults.server_name,
    third_party = third_party,
    keys = keys, users = #users > 0 and users or defaults.users,
    delta = options.delta, nonce_lifetime = options.nonce_lifetime, idle = options.idle,
    default_lifetime = options.default_lifetime, max_lifetime = options.max_lifetime,
    strict = options.strict, faults = faults_of(options.faults),
  }
end

-- Text from the command line may hold anything; a line on a terminal may not.
local function printable(text)
  return (text:gsub("[^\x20-\x7e]", function(octet) return ("\\x%02x"):format(octet:byte()) end))
end

local function at(address, port)
  return (address:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(address, port)
end

-- The one line that says how it is reached.
local function summary(config, running)
  local kids = {}
  for i, key in ipairs(config.keys) do kids[i] = ("%s (%s)"):format(key.kid, key.algorithm) end
  local places = { "udp and tcp on " .. at(running.address, running.ports.udp) }
  for _, transport in ipairs { "tls", "dtls" } do
    local port = running.ports[transport]
    if port then places[#places + 1] = ("%s on %s"):format(transport, at(running.address, port)) end
  end
  if running.address6 then places[#places + 1] = ("the same on %s"):format(running.address6) end
  return printable(("assay serve: %s, realm %s, %s, faults %s"):format(
    table.concat(places, ", "), config.realm,
    config.third_party and ("server name %s, kids %s"):format(config.server_name, table.concat(kids, ", "))
      or "no tokens taken",
    #config.faults > 0 and table.concat(config.faults, ", ") or "none"))
end

-- Prints the faults; the exit status.
local function list_faults(form)
  local function print_out(text)
    local ok, why = system.write(1, text)
    if ok then return OK end
    system.write(2, "assay serve: the list cannot be written: " .. why .. "\n")
    return NOT_WRITTEN
  end
  local lines = {}
  if form == "json" then
    for i, fault in ipairs(faults.all) do
      lines[i] = json.encode({
        name = fault.name, kind = fault.kind or "fault", about = fault.about, plain = fault.third_party == false,
        suite = fault.suite, transports = fault.transports and json.array(fault.transports),
        requirements = json.array(fault.requirements),
      }, { "name", "kind" }) .. "\n"
    end
    return print_out(table.concat(lines))
  end
  for _, fault in ipairs(faults.all) do
    local note = fault.kind == "variant" and " [variant: breaks nothing]"
      or fault.third_party == false and " [with --no-third-party]" or ""
    lines[#lines + 1] = ("%-36s %s%s\n%-36s %s\n"):format(fault.name, fault.about, note, "",
      table.concat(fault.requirements, " "))
  end
  return print_out((table.concat(lines):gsub(" +\n", "\n")))
end

local function run(config)
  return net.run(function()
    local finished, status = net.condition(), nil
    local function finish(with)
      status = status or with
      finished:notify()
    end
    config.on_crash = function(text)
      system.write(2, "assay serve: " .. text .. "\n")
      finish(CRASHED)
    end
    local signals = {}
    for _, name in ipairs { "INT", "TERM" } do
      signals[#signals + 1] = net.on_signal(name, function() finish(OK) end)
    end
    local running = server.new(config)
    local started, problem = running:start()
    if not started then
      system.write(2, ("assay serve: %s: %s\n"):format(config.address, problem))
      return NO_SERVER
    end
    system.write(1, summary(config, running) .. "\n")
    while not status do finished:wait() end
    running:stop()
    for _, handle in ipairs(signals) do handle:close() end
    return status
  end)
end

-- options: the fields of engine/command/serve.c. The exit status.
function serve.main(options)
  if options.format and options.format ~= "text" and options.format ~= "json" then
    system.write(2, "assay serve: --format takes text or json\n")
    return USAGE
  end
  if options.list_faults then
    return list_faults(options.format)
  end
  local ok, config = pcall(config_of, options)
  if not ok then
    if type(config) ~= "table" then error(config, 0) end
    system.write(2, printable("assay serve: " .. config.usage) .. "\n")
    return USAGE
  end
  return run(config)
end

return serve
