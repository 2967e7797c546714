#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
#   npm.sh PACKAGE@VERSION PROGRAM
#
# Starts a server that is a package of npm, in the foreground: PROGRAM, a file of this folder, run by node with the
# folder that holds the package as its first argument. The packages lie below build/peers, or below the folder that
# ASSAY_PEERS names, where this command puts them (nothing of them is run while they are installed):
#
#   npm install --ignore-scripts --prefix build/peers turn-server@0.6.6 node-turn@0.0.6
set -eu

fail() {
	echo "npm.sh: $1" >&2
	exit 1
}
[ $# = 2 ] || fail "to be called with PACKAGE@VERSION PROGRAM"
here=$(cd "$(dirname "$0")" && pwd)
package=${1%@*} version=${1##*@}
peers=${ASSAY_PEERS:-${here%/scripts/targets}/build/peers}
folder=$peers/node_modules/$package
command -v node >/dev/null || fail "node is not installed: scripts/setup.sh peers"
[ -r "$folder/package.json" ] ||
	fail "$package is not in $peers: npm install --ignore-scripts --prefix $peers $1"
found=$(node -p 'require(process.argv[1]).version' "$folder/package.json")
[ "$found" = "$version" ] ||
	fail "$package $found is in $peers, not $version: npm install --ignore-scripts --prefix $peers $1"
exec node "$here/$2" "$folder"
