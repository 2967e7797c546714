-- SPDX-License-Identifier: BSD-3-Clause
--
-- How the forms for people lay out lines on a screen: colours, and text in columns. It knows nothing of what is said.

local layout = {}

local COLOURS = { pass = "32", fail = "31;1", warn = "33", inconclusive = "35", skip = "36", bold = "1", faint = "2" }
local LEAST = 20 -- columns that text gets, however far in it stands

-- paint(wanted, colour, text) -> the text in a colour named as above, or as it is where none is wanted.
function layout.paint(wanted, colour, text)
  return wanted and ("\27[%sm%s\27[0m"):format(COLOURS[colour], text) or text
end

-- wrap(lines, width, indent, text, head): adds the text in the columns right of `indent`, broken at blanks where there
-- are any. The first line begins with `head`, where there is one, in place of that part of the indentation.
function layout.wrap(lines, width, indent, text, head)
  local room, line = math.max(width - #indent, LEAST), ""
  local prefix = head and head .. indent:sub(#head + 1) or indent
  local function flush()
    lines[#lines + 1] = prefix .. line
    prefix, line = indent, ""
  end
  for word in text:gmatch("%S+") do
    while #word > room do
      if line ~= "" then
        flush()
      end
      line = word:sub(1, room)
      flush()
      word = word:sub(room + 1)
    end
    if line ~= "" and #line + 1 + #word > room then
      flush()
    end
    if word ~= "" then
      line = line == "" and word or line .. " " .. word
    end
  end
  if line ~= "" then
    flush()
  end
end

-- labelled(lines, width, indent, label, text): the same behind a label of ten columns: "expected  an error response".
function layout.labelled(lines, width, indent, label, text)
  layout.wrap(lines, width, indent .. (" "):rep(10), text, ("%s%-10s"):format(indent, label))
end

return layout
