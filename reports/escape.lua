-- SPDX-License-Identifier: BSD-3-Clause
--
-- The one place where text that a target may have chosen is made fit to be shown: a reason phrase, a SOFTWARE, a realm,
-- a line of a log. What leaves here is printable ASCII, so it can neither move a cursor, end a line, nor be read as a
-- line of TAP. It knows the quoting of the forms that are written, and nothing of what is in them.

local escape = {}

local CONTROLS = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function control(octet)
  return CONTROLS[octet] or ("\\x%02X"):format(octet:byte())
end

-- A well-formed UTF-8 sequence is shown as its code point, any other octet as itself.
local function high(octets)
  local out, at = {}, 1
  while at <= #octets do
    if utf8.len(octets, at, at) then
      local code = utf8.codepoint(octets, at)
      out[#out + 1] = ("\\u{%04X}"):format(code)
      at = at + #utf8.char(code)
    else
      out[#out + 1] = ("\\x%02X"):format(octets:byte(at))
      at = at + 1
    end
  end
  return table.concat(out)
end

-- The first `limit` octets, never half a character, and how many octets were left out.
local function cut(text, limit)
  if not limit or #text <= limit then
    return text, 0
  end
  local keep = limit
  for back = 0, 3 do
    local next_octet = text:byte(limit - back + 1)
    if back < limit and (next_octet < 0x80 or next_octet > 0xBF) then
      keep = limit - back
      break
    end
  end
  return text:sub(1, keep), #text - keep
end

-- printable(value, limit): one line of printable ASCII. Line ends, controls, and everything beyond ASCII become
-- \n, \r, \t, \xHH or \u{HHHH}; a backslash stays, so what was escaped before does not change again. At most `limit`
-- octets of the value are kept, and the count of the others is said.
function escape.printable(value, limit)
  local text, left = cut(value == nil and "" or tostring(value), limit)
  text = text:gsub("[\0-\31\127]", control):gsub("[\128-\255]+", high)
  if left > 0 then
    text = ("%s ... (%d octets more)"):format(text, left)
  end
  return text
end

-- lines(value, most, limit): the lines of a text, each printable and at most `limit` octets long, tabs as blanks;
-- beyond `most` lines one line says how many there were. Blank lines are left out: no form needs them, YAML suffers.
function escape.lines(value, most, limit)
  local out, count = {}, 0
  for line in tostring(value == nil and "" or value):gmatch("[^\n]+") do
    line = line:gsub("\r$", ""):gsub("\t", "    ")
    if line:find("[^ ]") then
      count = count + 1
      if not most or count <= most then
        out[count] = escape.printable(line, limit)
      end
    end
  end
  if most and count > most then
    out[most + 1] = ("... (%d lines more)"):format(count - most)
  end
  return out
end

-- tap(value, limit): for the description or the reason on a TAP test line, where an unescaped # would begin a
-- directive. A brace at the end opens a subtest for some readers, so none stands there.
function escape.tap(value, limit)
  local text = escape.printable(value, limit):gsub("[\\#]", "\\%0"):gsub("{%s*$", "%0.")
  return text
end

-- yaml(value, limit): a double-quoted YAML scalar on one line; parsed back it is printable(value, limit).
function escape.yaml(value, limit)
  return '"' .. escape.printable(value, limit):gsub('[\\"]', "\\%0") .. '"'
end

-- ascii_json(line): the same JSON with everything beyond ASCII as \uHHHH, so that showing a results file in a terminal
-- does nothing to it. An octet that is no UTF-8 (an encoder should have left none) becomes the text \xHH.
function escape.ascii_json(line)
  local function unit(code)
    if code < 0x10000 then
      return ("\\u%04X"):format(code)
    end
    code = code - 0x10000
    return ("\\u%04X\\u%04X"):format(0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))
  end
  local function sequence(octets)
    local out, at = {}, 1
    while at <= #octets do
      if utf8.len(octets, at, at) then
        local code = utf8.codepoint(octets, at)
        out[#out + 1] = unit(code)
        at = at + #utf8.char(code)
      else
        out[#out + 1] = ("\\\\x%02X"):format(octets:byte(at))
        at = at + 1
      end
    end
    return table.concat(out)
  end
  return (line:gsub("[\127-\255]+", sequence))
end

return escape
