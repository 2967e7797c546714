-- SPDX-License-Identifier: BSD-3-Clause
--
-- Long-term keys and passwords that stand outside of a profile: behind --key and --user, in the files that @FILE names,
-- and in ASSAY_KEYS and ASSAY_USERS. What the lines mean is decided here.

local bytes = require "bytes"
local system = require "system"
local token = require "token"

local secrets = {}

-- Adds the lines of a text that are neither empty nor comments.
local function add(lines, content)
  for line in content:gmatch "[^\r\n]+" do
    if not line:match "^%s*#" and line:match "%S" then lines[#lines + 1] = line:match "^%s*(.-)%s*$" end
  end
end

-- Words of the command line in which @FILE stands for the lines of a file; then the lines of an environment variable.
-- Returns the lines, and which of them stand on the command line themselves (true by number); nil, text when a file
-- cannot be read.
local function lines_of(words, variable)
  local lines, given = {}, {}
  for _, word in ipairs(words) do
    local content, problem = word, nil
    local is_file = word:sub(1, 1) == "@"
    if is_file then content, problem = system.read(word:sub(2), 1024 * 1024) end
    if not content then return nil, problem end
    add(lines, content)
    given[#lines] = not is_file or nil
  end
  add(lines, system.environment(variable) or "")
  return lines, given
end

local function parsed(words, option, variable, form, parse)
  local lines, given = lines_of(words, variable)
  if not lines then return nil, ("%s: %s"):format(option, given) end
  local list = {}
  for i, line in ipairs(lines) do
    list[i] = parse(line)
    if not list[i] then return nil, ("%s: number %d: %s is expected"):format(option, i, form) end
  end
  return list, given
end

-- { { kid =, algorithm =, key = base64 }, … }, and which of them stand on the command line themselves (true by number).
-- nil, text when a file cannot be read or a line is none.
function secrets.keys(words)
  return parsed(words, "--key", "ASSAY_KEYS", "KID:ALG:BASE64", function(line)
    local kid, algorithm, key = line:match "^(.+):([^:]+):([^:]+)$"
    return kid and { kid = kid, algorithm = algorithm, key = key }
  end)
end

-- The same as { { kid =, algorithm =, octets = }, … }; nil, text where one does not fit its algorithm.
function secrets.octets(words)
  local lines, problem = secrets.keys(words)
  if not lines then return nil, problem end
  local keys = {}
  for i, line in ipairs(lines) do
    local octets, bad = bytes.unbase64(line.key)
    if not octets then return nil, ("--key: number %d: %s"):format(i, bad) end
    local fits, why = token.check_key(line.algorithm, octets)
    if not fits then return nil, ("--key: number %d: %s"):format(i, why) end
    keys[i] = { kid = line.kid, algorithm = line.algorithm, octets = octets }
  end
  return keys
end

-- { { name =, password = }, … }, likewise.
function secrets.users(words)
  return parsed(words, "--user", "ASSAY_USERS", "NAME:PASSWORD", function(line)
    local name, password = line:match "^([^:]+):(.+)$"
    return name and { name = name, password = password }
  end)
end

-- Gives the entries of a profile that lack their secret the one of the same name. Lines of a file or of the environment
-- that belong to no entry may be for somebody else; one of the command line was meant. nil, text where that fits none.
local function give(entries, lines, given, kind)
  for i, line in ipairs(lines) do
    local owner
    for _, entry in ipairs(entries) do
      if entry[kind.name] == line[kind.name] and not entry[kind.secret] then owner = entry end
    end
    local differs = owner and kind.same and owner[kind.same] and owner[kind.same] ~= line[kind.same]
    if differs then
      return nil, ("%s: number %d: its %s is not the one that the profile names"):format(kind.option, i, kind.same)
    elseif owner then
      owner[kind.secret] = line[kind.secret]
    elseif given[i] then
      return nil, ("%s: number %d: the profile has no such %s that lacks its %s"):format(kind.option, i, kind.name,
        kind.secret)
    end
  end
  return true
end

-- Completes a profile with what it leaves to --key, --user, ASSAY_KEYS and ASSAY_USERS: the octets of its keys and the
-- passwords of its users, and all of the keys where it has none. true, or nil and what is wrong.
function secrets.complete(p, options)
  local keys, given_keys = secrets.keys(options.keys)
  if not keys then return nil, given_keys end
  local users, given_users = secrets.users(options.users)
  if not users then return nil, given_users end
  if p.keys == nil and p.third_party ~= false then p.keys, keys = keys, {} end
  local ok, problem = give(p.keys or {}, keys, given_keys,
    { name = "kid", secret = "key", same = "algorithm", option = "--key" })
  if not ok then return nil, problem end
  return give(p.users or {}, users, given_users, { name = "name", secret = "password", option = "--user" })
end

return secrets
