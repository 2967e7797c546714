#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Starts kamailio for one run, in the foreground, as a STUN server: its module stun answers Binding requests on the SIP
# port. What it is to be comes in the environment (ASSAY_ADDRESS, ASSAY_ADDRESS6, ASSAY_PORT, ASSAY_FOLDER); see
# coturn.sh. Measured with kamailio 5.6.3 of Debian 12: it answers STUN over UDP, and is silent to it over TCP.
set -eu
umask 077

: "${ASSAY_ADDRESS:?}" "${ASSAY_PORT:?}" "${ASSAY_FOLDER:?}"
command -v kamailio >/dev/null || {
	echo "kamailio.sh: kamailio is not installed: scripts/setup.sh tests" >&2
	exit 1
}
cd "$ASSAY_FOLDER"
{
	cat <<-EOT
		debug=1
		log_stderror=yes
		children=1
		disable_tcp=yes
		auto_aliases=no
		dns=no
		rev_dns=no
		listen=udp:$ASSAY_ADDRESS:$ASSAY_PORT
	EOT
	[ -z "${ASSAY_ADDRESS6:-}" ] || echo "listen=udp:[$ASSAY_ADDRESS6]:$ASSAY_PORT"
	cat <<-'EOT'
		loadmodule "sl.so"
		loadmodule "stun.so"
		request_route {
			sl_send_reply("503", "STUN only");
		}
	EOT
} >kamailio.cfg
exec kamailio -f kamailio.cfg -DD -E -m 16 -M 4 -Y "$ASSAY_FOLDER" -P "$ASSAY_FOLDER/kamailio.pid"
