-- SPDX-License-Identifier: BSD-3-Clause
--
-- Where suite files and profiles are loaded: each in an environment of its own with an allow-list, so that a mistyped
-- global is an error with file and line instead of a nil that passes for an answer. Bytecode is refused.

local system = require "system"

local sandbox = {}

local basics = {
  assert = assert, error = error, ipairs = ipairs, next = next, pairs = pairs, select = select,
  tonumber = tonumber, tostring = tostring, type = type, math = math, string = string, table = table, utf8 = utf8,
}

-- What a suite may require: the engine's pure modules, and what scenarios are written with. No sockets, no files.
local pure = { bytes = true, stun = true, token = true, json = true }

local function guarded_require(name)
  if not (pure[name] or name:match "^support%.[%w_-]+$" or name:match "^requirements%.[%w_-]+$") then
    error(("a suite file cannot require '%s'"):format(name), 2)
  end
  local ok, module = pcall(require, name)
  if not ok then error(module, 2) end
  return module
end

local function environment(content)
  return setmetatable({}, {
    __index = function(_, name)
      local value = content[name]
      if value == nil then error(("there is no global '%s'"):format(tostring(name)), 2) end
      return value
    end,
    __newindex = function(_, name)
      error(("'%s' would become a global; say local"):format(tostring(name)), 2)
    end,
    __metatable = false,
  })
end

local function load_text(path, content)
  local text, problem = system.read(path, 4 * 1024 * 1024)
  if not text then return nil, problem end
  if text:sub(1, 1) == "\27" then return nil, path .. ": this is compiled Lua, the source text is expected" end
  return load(text, "@" .. path, "t", environment(content))
end

-- A suite file as a function; nil, text when it is not there or not Lua.
function sandbox.suite(path)
  local content = { require = guarded_require }
  for name, value in pairs(basics) do content[name] = value end
  return load_text(path, content)
end

-- A profile as a function: data and nothing else, so nothing is in reach of it.
function sandbox.data(path)
  return load_text(path, {})
end

return sandbox
