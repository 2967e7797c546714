-- SPDX-License-Identifier: BSD-3-Clause
--
-- How a profile is refused, however deep in it the mistake is found: the error that leaves the checks, and where it
-- becomes one line for a person.

local refusal = {}

local refused = {} -- marks the error: { [refused] = true, text = }

-- text: the whole line.
function refusal.throw(text)
  error({ [refused] = true, text = text }, 0)
end

-- where: the file, or the option, that says it.
function refusal.refuse(where, format, ...)
  refusal.throw(where .. ": " .. format:format(...))
end

function refusal.missing(where, field, expected)
  refusal.refuse(where, "field '%s' is missing: %s is expected", field, expected)
end

-- What build() returns; nil and the line when it refuses.
function refusal.guard(build)
  local ok, result = pcall(build)
  if ok then return result end
  if type(result) == "table" and result[refused] then return nil, result.text end
  error(result, 0)
end

return refusal
