#!/bin/bash
# Runs in the guest, as root: Chromium as Debian ships it, without our
# extension, becomes the first administrator of a Cardea and signs in to it,
# with a passkey on our phone. Between them are BlueZ, two Bluetooth adapters,
# and our relay behind its hashed domain. One line a check, as in interop.sh.
# Checks by name: radio, android, ios; all of them without one.
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
# visit NAME OPTION...: the person comes, with the phone that runs.
visit() {
	local name=$1
	shift
	mkdir -p "/scratch/pictures-$name"
	/scratch/visitor -account $account -profile "$work/profile-$name" -pictures "/scratch/pictures-$name" \
		-cardea "$cardea" -agent "$work/phone-$manner/agent.sock" -phone http://127.0.0.1:8482 "$@"
}
# tell RC NAME LOG...: what became of a check, and the logs if nothing good.
tell() {
	local rc=$1 name=$2 log
	shift 2
	if [ "$rc" = 0 ]; then
		ok "$name"
		return
	fi
	fail "$name"
	for log; do
		echo "--- $log"
		grep -v 'path=/assets\|path=/scan/progress\|path=/prompt\|=== ' "$log.log" | tail -25
	done
}

# ---- the checks --------------------------------------------------------------
radio() {
	CARDEA_BLUEZ_ADAPTERS="hci0 hci1" /scratch/bluez.test -test.v -test.parallel 1 -test.run TestRealBlueZ >radio.log 2>&1
	tell $? "our radio keeps its contract over BlueZ: $(grep -c '^    --- PASS' radio.log) tests" radio
}

# with_phone MANNER: a stock browser makes a passkey on a new phone and signs in
# with it; then, if the phone is an Android one, so does one with our extension.
with_phone() {
	manner=$1
	start_cardea "$manner" || fatal "Cardea did not start: $(tail -3 serve.log)"
	start_phone "$manner" hci1 || fatal "the phone did not start: $(tail -3 "phone-$manner.log")"
	visit "stock-$manner" -setup "$setup"
	local rc=$?
	tell $rc "Chromium without our extension registers and signs in with our phone ($manner)" relay serve "phone-$manner"
	if [ "$manner" = android ] && [ $rc = 0 ]; then
		extension && visit ours -extension "$work/ours/extension"
		tell $? "Chromium with our extension, whose radio is BlueZ too, signs in with the same phone" relay serve "phone-$manner"
	fi
	kill $phone $provider
	wait $phone $provider
}
extension() {
	mkdir -p profile-ours
	printf '{"form": "desktop", "adapter": "hci0", "relay_ca": "%s", "name": "Chromium"}\n' "$work/ca.pem" >host.json
	"$cardea" browser-host --install --config "$work/host.json" --folder "$work/ours" --profile "$work/profile-ours"
}

/lib/systemd/systemd-udevd --daemon 2>/dev/null && udevadm trigger --action=add --subsystem-match=bluetooth && udevadm settle -t 20
printf "%-14s %s\n" kernel "$(uname -r)"
dpkg-query -W -f '${Package} ${Version}\n' bluez chromium | while read -r p v; do printf "%-14s %s\n" "$p" "$v"; done
start_buses && start_radio || fatal "no Bluetooth"
ok "two virtual adapters with BlueZ"
checks=${*:-radio android ios}
case " $checks " in *" radio "*) radio ;; esac
case " $checks " in *android* | *ios*)
	start_relay || fatal "no relay: $(tail -3 relay.log)"
	start_screen || fatal "no X server"
	take_turns hci1 || fatal "hci1 does not take turns"
	;;
esac
for manner in android ios; do
	case " $checks " in *" $manner "*) with_phone $manner ;; esac
done
mkdir -p /scratch/logs
cp ./*.log /run/*.log /scratch/logs
exit $failed
