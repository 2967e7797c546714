#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Starts a coturn for one run, in the foreground, on loopback, with nothing outside of $ASSAY_FOLDER. What it is to be
# comes in the environment, as for every launched target:
#
#   ASSAY_ADDRESS ASSAY_PORT      where it listens, UDP and TCP
#   ASSAY_ADDRESS6                a second address where it listens, if it is to; relayed addresses are of the first
#   ASSAY_TLS_PORT ASSAY_DTLS_PORT ASSAY_CERTIFICATE ASSAY_PRIVATE_KEY
#                                 where it listens for TLS and DTLS, if it is to, and the files of its certificate
#   ASSAY_REALM ASSAY_SERVER_NAME its realm, and the name that tokens are sealed for
#   ASSAY_KEYS                    lines KID:ALGORITHM:BASE64, the long-term keys shared with the authorization server
#   ASSAY_EXPIRING_KEY            KID:ALGORITHM:BASE64:SECONDS, one that is good until that time (since 1970), or empty
#   ASSAY_USERS                   lines NAME:PASSWORD, for long-term credentials
#   ASSAY_THIRD_PARTY             yes or no: whether it takes tokens
#   ASSAY_FOLDER                  an empty folder of its own
#   COTURN_SECURE_STUN            yes: Binding requests have to be authenticated (from the profile's launch.environment)
#   COTURN_MAX_LIFETIME           seconds: no allocation lives longer without a Refresh (default: coturn's own, 3600)
#
# Measured with coturn 4.6.1 of Debian 12: it answers a tenth of a second after its start and ends at once on SIGTERM;
# its 401 carries THIRD-PARTY-AUTHORIZATION (the server name) only with oauth; users keep working beside tokens, unless
# the request holds a token; a relay range of a hundred ports runs out in a long run (508), hence the large one.
# stale-nonce stays off, as it is by default. It speaks TLS 1.2 and DTLS 1.2, both on one port, and deviates over them
# where it does over UDP and TCP.
set -eu
umask 077

fail() {
	echo "coturn.sh: $1" >&2
	exit 1
}
: "${ASSAY_ADDRESS:?}" "${ASSAY_PORT:?}" "${ASSAY_REALM:?}" "${ASSAY_SERVER_NAME:?}" "${ASSAY_FOLDER:?}"
: "${ASSAY_KEYS=}" "${ASSAY_EXPIRING_KEY=}" "${ASSAY_USERS=}" "${ASSAY_THIRD_PARTY=no}"
for program in turnserver sqlite3; do
	command -v $program >/dev/null || fail "$program is not installed: scripts/setup.sh targets"
done
schema=/usr/share/coturn/schema.sql
[ -r $schema ] || fail "$schema is not there"
cd "$ASSAY_FOLDER"

quote() { # as an SQL string
	printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"
}

# Secrets go through files and pipes: everybody can read a command line.
{
	cat $schema
	printf '%s\n' "$ASSAY_KEYS" | while IFS= read -r line; do
		[ -n "$line" ] || continue
		key=${line##*:} rest=${line%:*}
		algorithm=${rest##*:} kid=${rest%:*}
		# Timestamp and lifetime 0: the key itself does not expire. It serves any realm when it names none.
		echo 'INSERT INTO oauth_key (kid, ikm_key, as_rs_alg, timestamp, lifetime, realm)'
		printf "VALUES (%s, %s, %s, 0, 0, '');\n" "$(quote "$kid")" "$(quote "$key")" "$(quote "$algorithm")"
	done
	if [ -n "$ASSAY_EXPIRING_KEY" ]; then
		# It is good for lifetime seconds from timestamp on.
		expires=${ASSAY_EXPIRING_KEY##*:} line=${ASSAY_EXPIRING_KEY%:*} now=$(date +%s)
		key=${line##*:} rest=${line%:*}
		algorithm=${rest##*:} kid=${rest%:*}
		echo 'INSERT INTO oauth_key (kid, ikm_key, as_rs_alg, timestamp, lifetime, realm)'
		printf "VALUES (%s, %s, %s, %s, %s, '');\n" "$(quote "$kid")" "$(quote "$key")" "$(quote "$algorithm")" \
			"$now" "$((expires > now ? expires - now : 1))"
	fi
} | sqlite3 -bail coturn.db || fail "cannot make the key database"

{
	cat <<-EOT
		listening-ip=$ASSAY_ADDRESS
		relay-ip=$ASSAY_ADDRESS
		listening-port=$ASSAY_PORT
		realm=$ASSAY_REALM
		userdb=$ASSAY_FOLDER/coturn.db
		pidfile=$ASSAY_FOLDER/coturn.pid
		log-file=stdout
		lt-cred-mech
		no-cli
		allow-loopback-peers
		relay-threads=1
		# No quotas: scenarios overlap, and a 486 would decide none of them.
		user-quota=0
		total-quota=0
		# Below what the kernel hands out as ephemeral ports (32768 and up), so that nobody else takes them.
		min-port=20000
		max-port=29999
	EOT
	[ -z "${ASSAY_ADDRESS6:-}" ] || echo "listening-ip=$ASSAY_ADDRESS6"
	# One port for both, and one certificate.
	secure=${ASSAY_TLS_PORT:-${ASSAY_DTLS_PORT:-}}
	if [ -n "$secure" ]; then
		printf 'tls-listening-port=%s\ncert=%s\npkey=%s\n' "$secure" "$ASSAY_CERTIFICATE" "$ASSAY_PRIVATE_KEY"
	fi
	[ -n "${ASSAY_TLS_PORT:-}" ] || echo no-tls
	[ -n "${ASSAY_DTLS_PORT:-}" ] || echo no-dtls
	if [ "$ASSAY_THIRD_PARTY" = yes ]; then
		printf 'oauth\nserver-name=%s\n' "$ASSAY_SERVER_NAME"
	fi
	[ "${COTURN_SECURE_STUN-}" != yes ] || echo secure-stun
	[ -z "${COTURN_MAX_LIFETIME-}" ] || echo "max-allocate-lifetime=$COTURN_MAX_LIFETIME"
	printf '%s\n' "$ASSAY_USERS" | while IFS= read -r line; do
		[ -z "$line" ] || printf 'user=%s\n' "$line"
	done
} >coturn.conf

unset ASSAY_KEYS ASSAY_EXPIRING_KEY ASSAY_USERS
exec turnserver -c "$ASSAY_FOLDER/coturn.conf"
