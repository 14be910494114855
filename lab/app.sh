# Read by interop.sh: the app that people run, as what they install and as a
# security key of this computer.

status() { "$cardea" authenticator status --json --vault "$work/app/vault" --agent "$work/app/agent.sock"; }

# ---- what people install -----------------------------------------------------
rule_taken() {
	XDG_CONFIG_HOME=$work/config "$cardea" authenticator install || return 1
	! udevadm info /dev/uhid | grep -q 'TAGS=.*uaccess' || return 2
	install -m 644 "$work/config/cardea/70-cardea-uhid.rules" /etc/udev/rules.d
	udevadm control --reload && udevadm trigger --action=add /sys/devices/virtual/misc/uhid && udevadm settle -t 20 || return 3
	udevadm info /dev/uhid | grep -q 'TAGS=.*uaccess'
}
app_is_key() {
	mkdir -m 700 "$work/app"
	"$cardea" authenticator --hid --vault "$work/app/vault" --agent "$work/app/agent.sock" &
	local app=$!
	until_true 20 eval 'status | grep -q /dev/hidraw1' || return 1
	until_true 10 status || return 2 # 0 while the app answers
	fido2-token -I /dev/hidraw1 | grep -q FIDO_2_1 || return 3
	kill $app && wait $app || return 4
	until_true 10 test ! -e /dev/hidraw1
}
app() {
	check "the udev rule that install writes" rule_taken
	check "cardea authenticator --hid is a key while it runs" app_is_key
}

# ---- the app as the key --------------------------------------------------------
# app_starts: the app with its vault in $work/app, and its person at a terminal.
app_starts() {
	mkdir -p -m 700 "$work/app"
	python3 "$here/person.py" $pin "$cardea" --log-level info authenticator run --hid --terminal \
		--vault "$work/app/vault" --agent "$work/app/agent.sock" >>"$work/app.log" 2>&1 &
	key=$!
	until_true 20 listed && until_true 10 status && return
	failed=1
	echo "FAIL  the app with --hid"
	tail "$work/app.log"
	return 1
}
app_ends() {
	unplug
	[ "$app_rc" = 0 ] || { failed=1; echo "FAIL  the app ended with $app_rc"; }
}
asked() { grep -aq "$1" "$work/app.log"; }
manage_app() { # manage_app WORDS...: a command of ours to the app
	printf '%s\n' $pin >"$work/app.pin"
	"$cardea" authenticator "$@" --pin-file "$work/app.pin" --vault "$work/app/vault" --agent "$work/app/agent.sock"
}
app_pin() {
	set_pin && fido2-token -I /dev/hidraw0 | grep -q 'pin retries: 8' && feature clientPin || return 1
	status | grep -q '"vault_made": *true' && manage_app passkeys list
}
app_new_pin() {
	printf '%s\n' 13579 >"$work/app.new"
	manage_app pin change --new-pin-file "$work/app.new" || return 1
	printf '13579\n%s\n%s\n' $pin $pin | fido2-token -C /dev/hidraw0 || return 2
	manage_app passkeys list
}
# A resident key is made with the PIN, which ssh-keygen asks a program for.
app_ssh() {
	printf '#!/bin/sh\necho %s\n' $pin >"$work/askpass"
	chmod 755 "$work/askpass"
	export SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force
	ssh_sign "$@" && asked 'Save a passkey for .* at ssh:' && asked 'Sign in to ssh:'
}
app_passkeys() {
	manage_app passkeys list --json >"$work/app.list" && grep -q '"ssh:lab"' "$work/app.list" || return 1
	with_pin fido2-token -L -r /dev/hidraw0 | grep -q 'ssh:lab'
}
app_reset() {
	fido2-token -R /dev/hidraw0 && asked 'Erase every passkey' && feature noclientPin && ! manage_app passkeys list | grep -q ssh:lab
}
app_key() {
	unplug
	: >"$work/app.log"
	app_starts || return
	check "the app: fido2-token -I reads it" told
	check "the app: fido2-token -S sets the PIN of its vault" app_pin
	check "the app: its PIN changed by cardea, and by fido2-token -C" app_new_pin
	check "the app: fido2-cred and fido2-assert, verified by it" cred_assert "-v" "uv"
	check "the app: fido2-cred and fido2-assert with the PIN" cred_pin "-r -v" "-r -v" "-v"
	check "the app: ssh-keygen -t ed25519-sk" app_ssh ed25519-sk
	check "the app: ssh-keygen -t ed25519-sk -O resident" app_ssh ed25519-sk -O resident -O application=ssh:lab
	check "the app: cardea and fido2-token list what ssh-keygen made" app_passkeys
	check "the app: cryptsetup makes an encrypted volume" volume_made &&
		check "the app: systemd-cryptenroll --fido2-device" enrolled --fido2-with-client-pin=no --fido2-with-user-presence=yes
	app_ends
	app_starts || return # its vault is locked now
	check "the app started again: cryptsetup open with it" opens with_token
	if browser Chromium chromium; then
		LIMIT=240 check "the app: Chromium without our extension" in_chromium discouraged
		LIMIT=240 check "the app: Chromium without our extension, verified" in_chromium required
	fi
	app_ends
	app_starts || return
	check "the app: fido2-token -R erases it, once its person has typed the word" app_reset
	app_ends
	[ $failed = 0 ] || { echo "--- the app's terminal"; tail -60 "$work/app.log"; }
}
