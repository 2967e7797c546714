-- SPDX-License-Identifier: BSD-3-Clause
--
-- How a capture is called in sentences to a person, once in each of them.

local naming = {}

local CUTS <const> = { 128, 64 } -- octets of a path that a sentence of the engine has at most

function naming.of(path) return path == "-" and "the standard input" or path end

-- What is wrong with a capture, with its name in front unless the sentence has it already, or its beginning.
function naming.sentence(path, text)
  local name = naming.of(path)
  if name == "" then return "a capture is expected, and the name given is empty" end
  if text:find(name, 1, true) then return text end
  for _, cut in ipairs(CUTS) do
    local first, last = text:find(name:sub(1, cut), 1, true)
    if first and #name > cut then return text:sub(1, first - 1) .. name .. text:sub(last + 1) end
  end
  return name .. ": " .. text
end

return naming
