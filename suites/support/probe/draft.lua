-- SPDX-License-Identifier: BSD-3-Clause
--
-- The text of a profile that a person will complete: fields with how their values were seen, fields that are left to be
-- filled in, and remarks, which are comments. Whatever octets a server sent, what is written is one Lua table of
-- printable ASCII, and stands on lines of at most 120 columns where a value lets it.

local escape = require "reports.escape"

local draft = {}
draft.__index = draft

local WIDTH <const> = 120

function draft.new()
  return setmetatable({ lines = {}, fields = {} }, draft)
end

-- A Lua string literal of any octets, in printable ASCII on one line.
function draft.quote(text)
  return '"' .. text:gsub('[\\"]', "\\%0"):gsub("[^\x20-\x7E]", function(octet)
    return ("\\%03d"):format(octet:byte())
  end) .. '"'
end

-- A value of a profile as Lua source: texts, numbers, booleans, lists of them, and tables with the keys in `order`.
function draft.source(value, order)
  if type(value) == "string" then return draft.quote(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for _, name in ipairs(order or {}) do
    if value[name] ~= nil then parts[#parts + 1] = ("%s = %s"):format(name, draft.source(value[name])) end
  end
  for _, element in ipairs(value) do parts[#parts + 1] = draft.source(element, order) end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

function draft:add(depth, text) self.lines[#self.lines + 1] = text == "" and "" or ("  "):rep(depth) .. text end

-- A comment, broken into lines at its blanks.
function draft:remark(text, depth)
  depth = depth or 1
  local room, line = WIDTH - 2 * depth - 3, ""
  for word in escape.printable(text):gmatch "[^ ]+" do
    if line ~= "" and #line + 1 + #word > room then
      self:add(depth, "-- " .. line)
      line = "  " .. word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  self:add(depth, "-- " .. line)
end

-- Source that stands in the table, with a comment beside it where there is room, else above.
local function with_comment(self, source, comment, depth)
  if comment and #source + #comment + 2 * depth + 4 > WIDTH then
    self:remark(comment, depth)
    comment = nil
  end
  self:add(depth, source .. (comment and " -- " .. escape.printable(comment) or ""))
end

-- A field and how its value was seen. value: Lua source.
function draft:field(name, value, seen, depth)
  self.fields[name] = true
  with_comment(self, ("%s = %s,"):format(name, value), seen, depth or 1)
end

-- A field that a person fills in: what may stand there, and why it could not be told.
function draft:open(name, hint, why)
  self:remark(("%s = %s, -- to fill in: %s"):format(name, hint, why))
end

-- A title between fields.
function draft:title(text)
  self:add(0, "")
  self:remark(text .. ":")
end

-- The whole file. head: lines of comment before it.
function draft:text(head)
  local out = {}
  for i, line in ipairs(head) do out[i] = line == "" and "--" or "-- " .. escape.printable(line) end
  out[#out + 1] = "return {"
  table.move(self.lines, 1, #self.lines, #out + 1, out)
  out[#out + 1] = "}"
  return table.concat(out, "\n") .. "\n"
end

return draft
