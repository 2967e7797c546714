-- SPDX-License-Identifier: BSD-3-Clause
--
-- The globals that the code really has: suites/support/sandbox.lua gives them to suites and profiles,
-- engine/lua/state.c to everything else that assay runs (no io, no os); tests run in a plain Lua 5.4.
std = "lua54"
max_line_length = false -- scripts/lint.sh measures every source
max_cyclomatic_complexity = false
codes = true
cache = false
exclude_files = { "build*", "out*" }

-- A method that has no use for self, and a callback that has none for an argument, keep their shape.
self = false
unused_args = true

local pure = { "assert", "error", "ipairs", "next", "pairs", "select", "tonumber", "tostring", "type", "math", "string",
  "table", "utf8", "require" }

for _, folder in ipairs { "suites", "reports" } do
  files[folder] = { not_globals = { "io", "os" } }
end
-- What a suite file may name: the sandbox gives it no more.
for _, folder in ipairs { "server", "vectors", "robustness" } do
  files["suites/" .. folder] = { std = { read_globals = pure, globals = {} } }
end
-- A profile is data: nothing is in its reach.
files["scripts/targets/*.lua"] = { std = { read_globals = {}, globals = {} } }
-- Wireshark's Lua, 5.2 or 5.4 by its version, and what it gives a dissector.
files["scripts/wireshark"] = { read_globals = { "bit32", "unpack", "base", "expert", "Field", "NSTime",
  "Pref", "Proto", "ProtoExpert", "ProtoField", "UInt64", "register_postdissector" } }
