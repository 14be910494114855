#!/bin/bash
# Runs in the guest, as root: Chromium as Debian ships it, without our
# extension, becomes the first administrator of a Cardea and signs in to it,
# with a passkey on our phone. Between them are BlueZ, two Bluetooth adapters,
# and our relay behind its hashed domain. One line a check, as in interop.sh.
# docs/INTEROP.md tells what this covers.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$here/radio.sh"
cardea=${CARDEA:-/scratch/cardea}
work=$(mktemp -d) && cd "$work" || exit 1
failed=0
ok() { echo "ok    $*"; }
fail() {
	failed=1
	echo "FAIL  $*"
}
fatal() {
	fail "$@"
	exit 1
}

# The number of the phone's relay, and the domain that it stands for.
service=51789 domain=cable.du7eegizectnb.net

# ---- a relay that the whole guest reaches and trusts ---------------------------
make_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj "/CN=Lab CA" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null || return 1
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout relay.key -out relay.csr -subj "/CN=$domain" 2>/dev/null || return 1
	printf '%s\n' "subjectAltName=DNS:$domain" extendedKeyUsage=serverAuth >relay.ext
	openssl x509 -req -in relay.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile relay.ext -out relay.pem 2>/dev/null || return 1
	mkdir -p "$HOME/.pki/nssdb"
	certutil -d "sql:$HOME/.pki/nssdb" -N --empty-password && certutil -d "sql:$HOME/.pki/nssdb" -A -t C,, -n "Lab CA" -i ca.pem
}
start_relay() {
	make_ca || return 1
	echo "127.0.0.1 $domain" >>/etc/hosts
	"$cardea" --log-level info relay --listen 127.0.0.1:443 --cert relay.pem --key relay.key >relay.log 2>&1 &
	until_true 20 grep -q 'Relay on' relay.log
}

# ---- Cardea ----------------------------------------------------------------
account=http://myaccount.cardea.localhost:8480
start_cardea() { # start_cardea NAME: one that nobody has set up yet
	"$cardea" --log-level info serve --database "$work/$1.db" --login-url http://login.cardea.localhost:8480 --account-url $account \
		--rp-id cardea.localhost --name Lab >serve.log 2>&1 &
	provider=$!
	until_true 30 grep -q /setup serve.log
	setup=$(grep -o 'http://[^ ]*/setup#[^ ]*' serve.log)
	[ -n "$setup" ]
}

# ---- the phone ---------------------------------------------------------------
start_phone() { # start_phone MANNER ADAPTER
	mkdir -m 700 "phone-$1"
	"$cardea" --log-level info authenticator run --manner "$1" --adapter "$2" --listen 127.0.0.1:8482 --name "Lab phone" \
		--vault "$work/phone-$1/vault" --agent "$work/phone-$1/agent.sock" \
		--service $service --relay-ca ca.pem >"phone-$1.log" 2>&1 &
	phone=$!
	until_true 20 "$cardea" authenticator status --vault "$work/phone-$1/vault" --agent "$work/phone-$1/agent.sock"
}

# ---- a browser that knows nothing of us -----------------------------------------
start_screen() {
	Xvfb :9 -screen 0 1200x850x24 -nolisten tcp >xvfb.log 2>&1 &
	export DISPLAY=:9
	until_true 60 xdpyinfo
}
stock_browser() { # stock_browser MANNER
	mkdir -p "/scratch/pictures-$1"
	CHROME_LOG_FILE="/scratch/chromium-$1.log" /scratch/stockbrowser -account $account -setup "$setup" -profile "$work/profile-$1" \
		-pictures "/scratch/pictures-$1" -cardea "$cardea" -agent "$work/phone-$1/agent.sock" -phone http://127.0.0.1:8482
}

/lib/systemd/systemd-udevd --daemon 2>/dev/null && udevadm trigger --action=add --subsystem-match=bluetooth && udevadm settle -t 20
start_buses && start_radio || fatal "no Bluetooth"
ok "two virtual adapters with bluetoothd $(dpkg-query -W -f '${Version}' bluez), kernel $(uname -r)"
start_relay || fatal "no relay: $(tail -3 relay.log)"
start_screen || fatal "no X server"
take_turns hci1 || fatal "hci1 does not take turns"
for manner in ${1:-android}; do
	start_cardea "$manner" || fatal "Cardea did not start: $(tail -3 serve.log)"
	start_phone "$manner" hci1 || fatal "the phone did not start: $(tail -3 "phone-$manner.log")"
	if stock_browser "$manner"; then
		ok "Chromium $(dpkg-query -W -f '${Version}' chromium) registers and signs in with our phone ($manner)"
	else
		fail "Chromium with our phone ($manner)"
		for log in relay serve "phone-$manner"; do
			echo "--- $log"
			tail -25 "$log.log"
		done
	fi
	kill $phone $provider
	wait $phone $provider
	mkdir -p "/scratch/logs-$manner"
	cp ./*.log /run/*.log "/scratch/logs-$manner"
done
exit $failed
