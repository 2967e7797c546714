-- SPDX-License-Identifier: BSD-3-Clause
--
-- Which captures are meant: files as they are named, folders for all captures in them, however deep. Links to folders
-- are followed where they are named, and not within a folder, which they could lead back to.

local system = require "system"

local files = {}

local MOST <const> = 1000000

local function is_capture(name)
  name = name:lower():gsub("%.gz$", "")
  return name:match "%.pcap$" or name:match "%.pcapng$" or name:match "%.cap$" or name:match "%.pcap%d+$"
end

local function gather(paths, folder)
  local entries = system.list(folder)
  if not entries then -- whoever tries to read it finds out why it cannot be
    paths[#paths + 1] = folder
    return
  end
  for _, entry in ipairs(entries) do
    local path = folder:gsub("/+$", "") .. "/" .. entry.name
    if #paths >= MOST then return end
    if entry.folder and not entry.link then
      gather(paths, path)
    elseif not entry.folder and is_capture(entry.name) then
      paths[#paths + 1] = path
    end
  end
end

-- The captures that words of the command line stand for ("-": standard input), in the order of their names, each once.
-- nil, text when there are none.
function files.find(words)
  local found = {}
  for _, word in ipairs(words) do
    if word ~= "-" and system.list(word) then
      local before = #found
      gather(found, word)
      if #found == before then
        return nil, ("there is no capture (*.pcap, *.pcapng, *.cap, also .gz) in the folder '%s'"):format(word)
      end
    else
      found[#found + 1] = word
    end
  end
  if #found == 0 then return nil, "a capture to audit is expected: a file, a folder, or - for standard input" end
  table.sort(found)
  local paths = {}
  for _, path in ipairs(found) do
    if path ~= paths[#paths] then paths[#paths + 1] = path end
  end
  return paths
end

return files
