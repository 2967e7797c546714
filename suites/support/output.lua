-- SPDX-License-Identifier: BSD-3-Clause
--
-- Where results go: one report on stdout, and with --out the files of that folder. A report that cannot be written
-- (full disk, closed pipe) is dropped with a clear word on stderr; the others go on, and the exit status says so.

local system = require "system"

local output = {}
output.__index = output

local forms = {
  pretty = { module = "reports.pretty" },
  tap = { module = "reports.tap", options = { version = 13 } },
  tap14 = { module = "reports.tap", options = { version = 14 } },
  json = { module = "reports.json" },
}

function output.is_form(name)
  return forms[name] ~= nil
end

local function writer_of(form, sink, options)
  local merged = {}
  for key, value in pairs(options) do merged[key] = value end
  for key, value in pairs(form.options or {}) do merged[key] = value end
  return require(form.module).new(sink, merged)
end

function output:complain(where, problem)
  self.failed = true
  system.write(2, ("assay: %s cannot be written: %s; what was written before stays\n"):format(where, problem))
end

function output:add(where, form, sink, options)
  local broken = false
  local function guarded(text)
    if broken then return nil, "given up" end
    local ok, problem = sink(text)
    if not ok then
      broken = true
      self:complain(where, problem)
    end
    return ok, problem
  end
  self.reports[#self.reports + 1] = writer_of(form, guarded, options)
end

-- options: format (nil: by terminal), out (folder, already there), strict. nil, text when a file cannot be opened.
function output.open(options)
  local self = setmetatable({ reports = {}, files = {} }, output)
  local terminal = system.isatty(1)
  local form = forms[options.format or (terminal and "pretty" or "tap")]
  self:add("the report", form, function(text) return system.write(1, text) end, {
    terminal = system.isatty(2), live = function(text) return system.write(2, text) end,
    colour = terminal and not system.environment "NO_COLOR", strict = options.strict, folder = options.out,
  })
  if options.out then
    for name, kept in pairs { ["results.ndjson"] = { module = "reports.ndjson" }, ["results.tap"] = forms.tap } do
      local path = options.out .. "/" .. name
      local file, problem = system.open(path, "w")
      if not file then return nil, problem end
      self.files[#self.files + 1] = file
      self:add(path, kept, function(text) return file:write(text) end, {
        strict = options.strict, folder = options.out,
      })
    end
  end
  return self
end

local function each(self, method, ...)
  for _, report in ipairs(self.reports) do
    if report[method] then report[method](report, ...) end
  end
end

function output:start(run) each(self, "start", run) end
function output:scenario(result) each(self, "scenario", result) end
function output:ledger(rows) each(self, "ledger", rows) end
function output:progress(state) each(self, "progress", state) end
function output:finish(summary) each(self, "finish", summary) end
function output:abort(reason, summary) each(self, "abort", reason, summary) end

function output:close()
  for _, file in ipairs(self.files) do file:close() end
end

return output
