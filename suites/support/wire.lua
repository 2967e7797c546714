-- SPDX-License-Identifier: BSD-3-Clause
--
-- Does what a description of support/beneath.lua says, on a socket of its own beneath TLS or DTLS, or, where it says
-- `within`, on a session that is established. The steps:
--
--     send, octets       as they are
--     await              until something has come, or a moment has passed
--     hello, …           DTLS: the ClientHello that brings back the cookie which has come; cookie = octets of another;
--                        field, value: what one of its length fields says; keep: the octets that are sent; fragment:
--                        the octets of each fragment
--     rekey              within a session: asks for fresh keys
--     close              leaves

local handshake = require "support.handshake"
local net = require "net"
local transports = require "support.transports"

local wire = {}

local MOMENT = 0.1 -- seconds: what a target on this machine answers in

local sessions = { tls = net.tls, dtls = net.dtls }

local openers = {
  tls = function(remote, seconds)
    local endpoint, problem = net.tcp { remote = remote, timeout = seconds }
    return endpoint and endpoint:unframed(), problem
  end,
  dtls = function(remote) return net.udp { remote = remote } end,
}

-- The body of a ClientHello in fragments of so many octets.
local function in_fragments(hello, size)
  local body, out = hello:sub(26), {}
  for offset = 0, #body - 1, size do
    local piece = body:sub(offset + 1, offset + size)
    out[#out + 1] = handshake.dtls_record(handshake.HANDSHAKE,
      string.pack(">BI3I2I3I3", 1, #body, 1, offset, #piece) .. piece, 0, #out + 1)
  end
  return table.concat(out)
end

local function hello_of(step, cookie)
  local octets, fields = handshake.dtls_hello(step.cookie or cookie or "", 1)
  for _, field in ipairs(fields) do
    if field.name == step.field then
      local value = step.value & ((1 << 8 * field.size) - 1)
      octets = handshake.overwrite(octets, field.offset, string.pack(">I" .. field.size, value))
    end
  end
  if step.fragment then octets = in_fragments(octets, step.fragment) end
  return step.keep and octets:sub(1, step.keep) or octets
end

local actions = {}

function actions.send(self, step)
  self.endpoint:send(step[2])
  self.sent[#self.sent + 1] = step[2]
end

function actions.await(self)
  self.came = self.endpoint:receive(MOMENT) or self.came
end

function actions.hello(self, step)
  actions.send(self, { "send", hello_of(step, self.came and handshake.cookie_of(self.came)) })
end

function actions.rekey(self)
  self.endpoint:rekey() -- a session that the target has ended has no keys: then the next steps do nothing either
end

function actions.close(self)
  self:close()
end

local running = {}
running.__index = running

function running:close()
  self.endpoint:close()
end

-- one: a description with steps. seconds: for a connection. record: where what is sent is kept, or one that keeps
-- nothing. Returns { sent = octets, close = … }, still open; nil, text when there is no connection.
function wire.run(bench, transport, one, seconds, record)
  local self, protocol = setmetatable({ sent = {} }, running), transports.protocol(transport)
  local problem
  if one.within then
    local settings = bench:handshake(bench.addresses[transport], seconds)
    settings.maximum = one.maximum
    self.endpoint, problem = sessions[protocol](settings)
    if not self.endpoint then return nil, problem end
    record:watch(self.endpoint, { bench = bench, remote = bench.addresses[transport], step = one.what })
  else
    self.endpoint, problem = openers[protocol](bench.addresses[transport], seconds)
    if not self.endpoint then return nil, problem end
    record:watch(self.endpoint, { bench = bench, remote = bench.addresses[transport], step = one.what,
      beneath = protocol })
  end
  for _, step in ipairs(one.steps) do
    local act = actions[step[1]]
    if act then act(self, step) end
  end
  self.sent = table.concat(self.sent)
  return self
end

-- Whether a list of steps from a file can be done at all.
function wire.knows(steps)
  if type(steps) ~= "table" or #steps == 0 then return false end
  for _, step in ipairs(steps) do
    if type(step) ~= "table" or not actions[step[1]] then return false end
    if step[1] == "send" and type(step[2]) ~= "string" then return false end
    for _, name in ipairs { "value", "keep", "fragment" } do
      if step[name] ~= nil and math.type(step[name]) ~= "integer" then return false end
    end
    if (step.keep or 1) < 1 or (step.fragment or 1) < 1 then return false end
    if step.cookie ~= nil and (type(step.cookie) ~= "string" or #step.cookie > 255) then return false end
  end
  return true
end

return wire
