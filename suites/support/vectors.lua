-- SPDX-License-Identifier: BSD-3-Clause
--
-- Reads vectors/*.json for suites that run them.

local json = require "json"
local system = require "system"

local vectors = {}

-- The file vectors/NAME.json: { source =, vectors = { … } }. An error names the file and what is wrong with it.
function vectors.load(name)
  local path = system.root() .. "/vectors/" .. name .. ".json"
  local text = assert(system.read(path, 16 * 1024 * 1024))
  local content, problem = json.decode(text)
  if not content then error(("%s: %s"):format(path, problem), 0) end
  if type(content.vectors) ~= "table" or #content.vectors == 0 then error(path .. ": it holds no vectors", 0) end
  return content
end

-- One vector of a file by its name.
function vectors.named(name, which)
  for _, one in ipairs(vectors.load(name).vectors) do
    if one.name == which then return one end
  end
  error(("vectors/%s.json has no vector '%s'"):format(name, which), 0)
end

return vectors
