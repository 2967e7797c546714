-- SPDX-License-Identifier: BSD-3-Clause
--
-- A stand-in for the engine's json module, so that the report writers are tested by a plain Lua interpreter. It
-- encodes as the engine's does (json.encode(value, order), json.array) and knows nothing more.

local json = {}

local array = { __name = "json.array" }

function json.array(list)
  return setmetatable(list or {}, array)
end

local function quote(text)
  if not utf8.len(text) then
    text = text:gsub("[\128-\255]", function(octet)
      return ("\\x%02X"):format(octet:byte())
    end)
  end
  return '"' .. text:gsub('[%c"\\]', function(octet)
    return (octet == '"' or octet == "\\") and "\\" .. octet or ("\\u%04X"):format(octet:byte())
  end) .. '"'
end

local function encode(value, order)
  if type(value) == "string" then
    return quote(value)
  elseif type(value) ~= "table" then
    return tostring(value)
  end
  local out = {}
  if #value > 0 or getmetatable(value) == array then
    for index, item in ipairs(value) do
      out[index] = encode(item, order)
    end
    return "[" .. table.concat(out, ",") .. "]"
  end
  local names, place = {}, {}
  for index, name in ipairs(order or {}) do
    place[name] = index
  end
  for name in pairs(value) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b)
    local x, y = place[a] or math.huge, place[b] or math.huge
    if x == y then
      return a < b
    end
    return x < y
  end)
  for index, name in ipairs(names) do
    out[index] = quote(name) .. ":" .. encode(value[name], order)
  end
  return "{" .. table.concat(out, ",") .. "}"
end

json.encode = encode

return json
