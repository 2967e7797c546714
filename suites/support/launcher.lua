-- SPDX-License-Identifier: BSD-3-Clause
--
-- Starts the implementation under test, stops it, and starts it again when it died. It is told where to listen and with
-- which keys by its environment, so that no secret stands on a command line:
--
--     ASSAY_ADDRESS, ASSAY_PORT    where to listen, UDP and TCP alike
--     ASSAY_ADDRESS6               a second address to listen at, of IPv6 and on the same ports, where transports of
--                                  the profile are of it
--     ASSAY_TLS_PORT, ASSAY_DTLS_PORT, ASSAY_CERTIFICATE, ASSAY_PRIVATE_KEY
--                                  where the profile names these transports: their ports, and the files (PEM) of a
--                                  certificate made for this start
--     ASSAY_REALM, ASSAY_SERVER_NAME, ASSAY_THIRD_PARTY (yes or no)
--     ASSAY_KEYS, ASSAY_USERS      lines KID:ALG:BASE64 and NAME:PASSWORD
--     ASSAY_EXPIRING_KEY           KID:ALG:BASE64:SECONDS, a key that is good until then (since 1970), empty for none
--     ASSAY_FOLDER                 a fresh folder of its own
--
-- In the words of its command {host}, {port} and {folder} are filled in; {assay} is the running program.

local clock = require "clock"
local net = require "net"
local system = require "system"
local target = require "target"
local transports = require "support.transports"

local launcher = {}
launcher.__index = launcher

local function lines(list, line)
  local out = {}
  for i, one in ipairs(list) do out[i] = line(one) end
  return table.concat(out, "\n")
end

-- log: the file that takes what the target prints.
function launcher.new(profile, addresses, log)
  return setmetatable({
    profile = profile, addresses = addresses, log = log, starts = 0, ca = profile.tls.ca,
  }, launcher)
end

-- Counted from each start of the target; `expires` then says when.
local function expiring_key(key)
  if not key then return "" end
  if key.expires_in then key.expires = math.ceil(clock.now()) + math.ceil(key.expires_in) end
  return ("%s:%s:%s:%d"):format(key.kid, key.algorithm, key.key, math.floor(key.expires))
end

-- A certificate for a target that speaks TLS or DTLS, in its folder. It is also the CA of our own side, where the
-- profile names none. true, or nil and why not.
function launcher:make_certificate()
  local p = self.profile
  if not self:address_of("tls", "dtls") then return true end
  local names = { p.tls.name or p.address }
  for name, address in pairs(self.addresses) do
    if transports.is_secure(name) then names[#names + 1] = address.address end
  end
  self.certificate, self.private_key = net.make_certificate { names = names, folder = self.folder }
  if not self.certificate then return nil, self.private_key end
  p.tls.ca = self.ca or self.certificate
  return true
end

-- The first address that is for one of these protocols, nil where there is none; without any, the first of all.
function launcher:address_of(...)
  for _, name in ipairs(self.profile.transports) do
    local address, protocol = self.addresses[name], transports.protocol(name)
    if address and (select("#", ...) == 0 or protocol == ... or protocol == select(2, ...)) then return address end
  end
end

-- Where it listens without TLS: also where nobody asks it there.
function launcher:plain_port()
  local plain = self:address_of("udp", "tcp")
  if plain then return plain.port end
  self.unasked = self.unasked or assert(net.free_port { address = self:address_of().address })
  return self.unasked
end

-- Its two addresses. The first is where a target listens that has no second one.
function launcher:hosts()
  local first, second
  for name, address in pairs(self.addresses) do
    if transports.is_second(name) then second = address.address else first = address.address end
  end
  return first or self.profile.address, second
end

local function port_text(address) return address and tostring(address.port) end

function launcher:environment()
  local p = self.profile
  local first, second = self:hosts()
  local environment = {
    ASSAY_ADDRESS = first, ASSAY_ADDRESS6 = second, ASSAY_PORT = tostring(self:plain_port()),
    ASSAY_REALM = p.realm or "",
    ASSAY_TLS_PORT = port_text(self:address_of "tls"), ASSAY_DTLS_PORT = port_text(self:address_of "dtls"),
    ASSAY_CERTIFICATE = self.certificate, ASSAY_PRIVATE_KEY = self.private_key,
    ASSAY_SERVER_NAME = p.server_name or "", ASSAY_THIRD_PARTY = p.third_party and "yes" or "no",
    ASSAY_KEYS = lines(p.keys, function(key) return ("%s:%s:%s"):format(key.kid, key.algorithm, key.key) end),
    ASSAY_USERS = lines(p.users, function(user) return ("%s:%s"):format(user.name, user.password) end),
    ASSAY_EXPIRING_KEY = expiring_key(p.expiring_key), ASSAY_FOLDER = self.folder,
  }
  for name, value in pairs(p.launch.environment or {}) do environment[name] = value end
  return environment, self:address_of()
end

-- The command with its placeholders filled in; a word that names a file of the checkout becomes its path.
local function fill(command, values)
  local function words(word)
    return (word:gsub("{(%w+)}", function(name) return values[name] end))
  end
  if type(command) == "string" then return words(command) end
  local filled = {}
  for i, word in ipairs(command) do filled[i] = words(word) end
  local beside = system.root() .. "/" .. filled[1]
  if filled[1]:find "/" and filled[1]:sub(1, 1) ~= "/" and system.exists(beside) then filled[1] = beside end
  return filled
end

-- Starts it; on_exit(text) is called when it ends unasked. true, or nil and why not.
function launcher:start(on_exit)
  local problem
  self.folder, problem = system.temporary_folder()
  if not self.folder then return nil, problem end
  local made
  made, problem = self:make_certificate()
  if not made then return nil, problem end
  local environment, address = self:environment()
  local command = fill(self.profile.launch.command, {
    host = address.address, port = tostring(address.port), folder = self.folder, assay = system.program(),
  })
  self.stopping = false
  self.process, problem = target.start {
    command = command, environment = environment, directory = self.folder, log = self.log,
  }
  if not self.process then return nil, problem end
  self.starts = self.starts + 1
  self.process:on_exit(function()
    local _, text = self.process:status()
    if not self.stopping then on_exit(text) end
  end)
  return true
end

function launcher:alive()
  return self.process ~= nil and self.process:alive()
end

-- How it ended, nil while it lives.
function launcher:ending()
  if not self.process then return nil end
  local _, text = self.process:status()
  return text
end

-- The last lines that the target printed, as it printed them.
function launcher:tail(count)
  return self.process and self.process:tail(count) or self.last_lines or ""
end

-- Stops it, with two seconds of grace, and removes its folder.
function launcher:stop()
  self.stopping = true
  if self.process then
    self.process:stop(2)
    self.last_lines = self.process:tail()
  end
  if self.folder then system.remove_folder(self.folder) end
  self.process, self.folder = nil, nil
end

return launcher
