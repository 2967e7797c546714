-- SPDX-License-Identifier: BSD-3-Clause
--
-- Finds scenarios: a folder of suites/ by name, a file, or an id (with the transport behind @), narrowed by filters.

local system = require "system"
local invariant = require "support.invariant"
local sandbox = require "support.sandbox"
local scenario = require "support.scenario"

local suites = {}

local unusable = {} -- the error that says which file cannot be used, and why: { [unusable] = true, text = one line }

local function load_file(path, prefix)
  local chunk, problem = sandbox.suite(path)
  local ok, list = chunk ~= nil, problem
  if ok then
    ok, list = pcall(scenario.collect, prefix, chunk)
  end
  if ok then return list end
  local text = tostring(list):match "^[^\n]*"
  if not text:find(path, 1, true) then text = ("%s: %s"):format(path, text) end
  error({ [unusable] = true, text = text }, 0)
end

local function load_folder(root, name, into)
  local entries, problem = system.list(root .. "/" .. name)
  if not entries then error(problem, 0) end
  for _, entry in ipairs(entries) do
    local path = name .. "/" .. entry.name
    if entry.folder then
      load_folder(root, path, into)
    elseif path:match "%.lua$" then
      for _, one in ipairs(load_file(root .. "/" .. path, (path:gsub("%.lua$", "")))) do into[#into + 1] = one end
    end
  end
  return into
end

-- The folders of suites/ that hold scenarios.
suites.folders = { "server", "vectors", "robustness" }

local function is_folder(name)
  for _, folder in ipairs(suites.folders) do
    if folder == name then return true end
  end
  return false
end

-- One word of the command line -> a list of scenarios, each with `transport` set when the id asked for one.
local function find(root, word)
  local name = word:gsub("/+$", ""):gsub("^%./", ""):gsub("^.*suites/", "")
  if is_folder(name) then return load_folder(root, name, {}) end
  local folder = name:match "^([^/]+)/"
  if folder and is_folder(folder) then
    local file = name:gsub("%.lua$", "")
    if system.exists(root .. "/" .. file .. ".lua") then return load_file(root .. "/" .. file .. ".lua", file) end
    local parent, transport = name:match "^(.*)/[^/]+$", name:match "@(%w+)$"
    local id = name:gsub("@%w+$", "")
    if system.exists(root .. "/" .. parent .. ".lua") then
      for _, one in ipairs(load_file(root .. "/" .. parent .. ".lua", parent)) do
        if one.id == id then
          one.only_transport = transport
          return { one }
        end
      end
    end
  end
  return nil
end

local function matches(one, filters)
  if #filters == 0 then return true end
  for _, filter in ipairs(filters) do
    if one.id:find(filter, 1, true) then return true end
    for _, id in ipairs(one.covers) do
      if id == filter then return true end
    end
  end
  return false
end

-- words: what to run (empty: `default`); filters: texts of which one must be in the id or be a covered requirement.
-- The scenarios in a fixed order, or nil and one line that says which word or filter matches nothing.
local function select_from(words, filters, default)
  local root = system.root() .. "/suites"
  local chosen, seen = {}, {}
  for _, word in ipairs(#words > 0 and words or { default }) do
    local list = find(root, word)
    if not list then
      return nil, ("there is no suite, file or scenario '%s' (`assay list` shows all; suites are %s)")
        :format(word, table.concat(suites.folders, ", "))
    end
    for _, one in ipairs(list) do
      local key = one.id .. "@" .. (one.only_transport or "")
      if not seen[key] and matches(one, filters) then
        seen[key] = true
        chosen[#chosen + 1] = one
      end
    end
  end
  if #chosen == 0 then
    return nil, #filters > 0
      and ("no scenario matches the filter %s, so nothing would be judged"):format(table.concat(filters, ", "))
      or "there is no scenario in it, so nothing would be judged"
  end
  return chosen
end

-- The same, and also nil and one line where a file cannot be used.
function suites.select(words, filters, default)
  local ok, chosen, problem = pcall(select_from, words, filters, default)
  if ok then return chosen, problem end
  if type(chosen) == "table" and chosen[unusable] then return nil, chosen.text end
  error(chosen, 0)
end

local function load_invariant(name)
  local chunk, problem = sandbox.suite(("%s/suites/invariants/%s.lua"):format(system.root(), name))
  if not chunk then error(problem, 0) end
  return chunk
end

-- The rules for every message of a run (support/invariant.lua), and those by which captures are judged.
function suites.invariants() return invariant.all(load_invariant) end
function suites.capture_rules() return invariant.for_captures(load_invariant) end

-- Every scenario there is.
function suites.all()
  return assert(suites.select(suites.folders, {}))
end

return suites
