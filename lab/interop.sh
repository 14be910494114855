#!/bin/bash
# Runs in the guest, as root: clients that others wrote against the HID device
# of `cardea authenticator serve --ctaphid uhid`. One line a check: ok, skip
# with the reason, known with the reason, or FAIL with what was printed. Exit code
# 1 if one failed. The groups of checks that want a PIN are in pin.sh, those of
# disks and cards in system.sh, of browsers in browsers.sh, of the app that
# people run in app.sh.
# docs/INTEROP.md lists what this covers.
set -u
here=$(dirname "$(readlink -f "$0")")
cardea=${CARDEA:-/scratch/cardea}
only=${*:-all} # or some groups; the end of this file has them all
work=$(mktemp -d) && cd "$work" || exit 1
failed=0

# check NAME COMMAND...: ok if COMMAND succeeds within a minute (or LIMIT
# seconds).
check() {
	local name=$1 began=$SECONDS rc
	shift
	("$@") >"$work/said" 2>&1 </dev/null &
	local tried=$!
	(sleep "${LIMIT:-60}" && kill -9 $tried) 2>/dev/null &
	local watch=$!
	wait $tried
	rc=$?
	kill $watch 2>/dev/null
	if [ $rc = 0 ]; then
		echo "ok    $name"
	else
		failed=1
		echo "FAIL  $name (exit $rc after $((SECONDS - began)) s)"
		sed 's/^/      /' "$work/said" | tail -30
	fi
	return $rc
}
# known REASON NAME COMMAND...: a check that fails for a reason we know. It does
# not fail the run, and says so when the reason is gone.
known() {
	local reason=$1 before=$failed
	shift
	if check "$@" >"$work/known"; then
		cat "$work/known"
		echo "      (this was expected to fail: $reason)"
	else
		failed=$before
		echo "known $1: $reason"
	fi
}
skip() { echo "skip  $1: $2"; }
wants() { [ "$only" = all ] || [[ " $only " == *" $1 "* ]]; }
fatal() { echo "FAIL  $*"; exit 1; }

# until SECONDS COMMAND...: waits for COMMAND to succeed.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

# ctl WORDS...: one line to the key's control port.
ctl() {
	local answer
	exec 3<>/dev/tcp/127.0.0.1/7000 || return 1
	echo "$*" >&3
	read -r answer <&3
	exec 3>&-
	echo "$answer"
	[ "${answer#error}" = "$answer" ]
}
waiting() { ctl status | grep -q waiting=yes; }
idle() { ctl status | grep -q waiting=no; }

base64_random() { head -c "$1" /dev/urandom | base64 -w0; }

versions() {
	printf "%-14s %s\n" kernel "$(uname -r)"
	local p
	for p in libfido2-1 fido2-tools openssh-client libpam-u2f pamu2fcfg pamtester systemd cryptsetup-bin pcscd vsmartcard-vpcd chromium firefox-esr; do
		dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' $p 2>/dev/null | awk '$1 == "ii" {printf "%-14s %s\n", $2, $3}'
	done
}

# ---- the key ----------------------------------------------------------------
# plug_in PROFILE: a new key, of this profile.
plug_in() {
	unplug
	"$cardea" --log-level info authenticator serve --ctaphid uhid --profile "$1" --insecure-test --control 127.0.0.1:7000 >"$work/key.log" 2>&1 &
	key=$!
	until_true 20 listed || { cat "$work/key.log"; fatal "no /dev/hidraw0"; }
}
# unplug ends what is the key; app_rc is how it ended.
unplug() {
	[ -n "${key:-}" ] || return 0
	kill "$key"
	wait "$key"
	app_rc=$?
	key=
	until_true 10 test ! -e /dev/hidraw0 || fatal "the key stays plugged in"
}
# fresh: the key as new, for the next group.
fresh() { ctl reset >/dev/null && until_true 10 listed || fatal "the key does not come back from a reset"; }
# replugged: pulled out and plugged in again.
replugged() { ctl power off && until_true 10 test ! -e /dev/hidraw0 && ctl power on && until_true 10 listed; }
feature() { fido2-token -I /dev/hidraw0 | grep -E '^(extension strings|options):' | grep -qw -- "$1"; }

# ---- fido2-token ------------------------------------------------------------
listed() { fido2-token -L | grep -q '^/dev/hidraw0: vendor=0x1209, product=0x0001'; }
known_to_udev() { udevadm info /dev/hidraw0 | grep -q ID_FIDO_TOKEN=1 && udevadm info /dev/hidraw0 | grep -q 'TAGS=.*uaccess'; }
told() { fido2-token -I /dev/hidraw0 | tee "$work/info" && grep -q 'proto: 0x02' "$work/info" && grep -q 'FIDO_2_1' "$work/info"; }

token() {
	check "udev knows the device as a FIDO token" until_true 20 known_to_udev
	check "fido2-token -L lists it" listed
	check "fido2-token -I reads it" told && sed 's/^/      /' "$work/info"
}

# ---- fido2-cred, fido2-assert -----------------------------------------------
# cred_assert "CRED FLAGS" "ASSERT FLAGS" [TYPE]: makes a credential, verifies its
# attestation, gets an assertion, verifies that. uv in the second stands for
# -t uv=true: fido2-assert takes -v to mean a PIN of its own.
cred_assert() {
	local d get=${2/uv/-t uv=true} verify=${2/uv/-v} type=${3:-es256}
	verify=${verify//-u/}
	d=$(mktemp -d "$work/cred.XXXX")
	{ base64_random 32; echo; echo example.org; echo ana; base64_random 16; echo; } >"$d/cred.in"
	# shellcheck disable=SC2086
	fido2-cred -M $1 -i "$d/cred.in" -o "$d/cred.out" /dev/hidraw0 $type || return 1
	# shellcheck disable=SC2086
	fido2-cred -V ${1//-[ru]/} -i "$d/cred.out" -o "$d/id" $type || return 2
	tail -n +2 "$d/id" >"$d/key"
	{ base64_random 32; echo; echo example.org; case "$2" in *-r*) ;; *) head -1 "$d/id" ;; esac; } >"$d/assert.in"
	# shellcheck disable=SC2086
	fido2-assert -G $get -i "$d/assert.in" -o "$d/assert.out" /dev/hidraw0 || return 3
	# shellcheck disable=SC2086
	head -4 "$d/assert.out" | fido2-assert -V ${verify//-r/} "$d/key" $type || return 4
}
refused() { ctl deny && ! cred_assert "" "" && ctl status; }
excluded_rp() {
	{ base64_random 32; echo; echo nobody.example; } >"$work/none.in"
	! fido2-assert -G -r -i "$work/none.in" /dev/hidraw0 2>"$work/none.err" && grep -q NO_CREDENTIALS "$work/none.err"
}
libfido2() {
	check "fido2-cred and fido2-assert: a credential named by its ID" cred_assert "" ""
	check "fido2-cred and fido2-assert: a passkey, found by the site" cred_assert "-r" "-r"
	check "fido2-cred and fido2-assert: the person says no" refused
	check "fido2-assert: no passkey for this site" excluded_rp
	check "the key has kept both" eval "ctl status | grep passkeys=2"
	local algorithm
	for algorithm in es384 eddsa; do
		check "fido2-cred and fido2-assert: $algorithm" cred_assert "" "" $algorithm
	done
	check "fido2-cred and fido2-assert: U2F" cred_assert "-u" "-u"
	check "fido2-cred: U2F waits for the touch" u2f_waits
	check "fido2-cred: a U2F client is killed, its question goes" u2f_gone
	check "fido2-cred and fido2-assert: made by U2F, used by CTAP2" cred_assert "-u" ""
	check "fido2-cred and fido2-assert: made by CTAP2, used by U2F" cred_assert "" "-u"
}
u2f_begins() {
	{ base64_random 32; echo; echo example.org; echo ana; base64_random 16; echo; } >"$work/u2f.in"
	ctl touch off || return 1
	fido2-cred -M -u -i "$work/u2f.in" -o "$work/u2f.out" /dev/hidraw0 es256 &
	u2f=$!
	until_true 10 waiting
}
u2f_waits() {
	u2f_begins || return 2
	sleep 3 # longer than a question stays that nobody polls for
	waiting && ctl touch on && wait $u2f || return 3
	fido2-cred -V -i "$work/u2f.out" es256 >/dev/null && idle
}
u2f_gone() {
	u2f_begins || return 2
	kill -9 $u2f
	until_true 10 idle && ctl touch on
}
verified() { check "fido2-cred and fido2-assert: verified by the key itself" cred_assert "-v" "uv"; }
phone() {
	check "fido2-cred and fido2-assert: a passkey on a phone" cred_assert "-r" "-r"
	check "fido2-cred and fido2-assert: verified by the phone" cred_assert "-v" "uv"
}

# ---- OpenSSH ----------------------------------------------------------------
ssh_sign() { # ssh_sign TYPE [OPTION...]
	local d type=$1
	shift
	d=$(mktemp -d "$work/ssh.XXXX")
	ssh-keygen -q -t "$type" "$@" -N '' -C lab -f "$d/key" || return 1
	echo "to be signed" >"$d/text"
	ssh-keygen -Y sign -f "$d/key" -n lab "$d/text" || return 2
	echo "ana $(cut -d' ' -f1,2 "$d/key.pub")" >"$d/allowed"
	ssh-keygen -Y verify -f "$d/allowed" -I ana -n lab -s "$d/text.sig" <"$d/text"
}
ssh() {
	local type
	for type in ecdsa-sk ed25519-sk; do
		check "ssh-keygen -t $type: makes a key, signs, verifies" ssh_sign $type
	done
}

# ---- pam-u2f ----------------------------------------------------------------
pam_key() { pamu2fcfg -u root -o pam://lab -i pam://lab >"$work/u2f"; }
pam_login() {
	cat >/etc/pam.d/lab <<-P
		auth required pam_u2f.so authfile=$work/u2f origin=pam://lab appid=pam://lab $1
		account required pam_permit.so
	P
	pamtester lab root authenticate
}
pam_denied() { ctl deny && ! pamtester lab root authenticate; }
pam() {
	check "pamu2fcfg writes a key file" pam_key || return
	check "pam_u2f lets in" pam_login ""
	check "pam_u2f keeps out when the person says no" pam_denied
}
pam_verified() {
	check "pamu2fcfg writes a key file" pam_key || return
	check "pam_u2f with userverification=1" pam_login userverification=1
}

# ---- a client that goes away ------------------------------------------------
# The person must not be left with a question that nobody waits for.
gone() {
	{ base64_random 32; echo; echo example.org; } >"$work/gone.in"
	ctl touch off || return 1
	fido2-assert -G -r -i "$work/gone.in" /dev/hidraw0 &
	local client=$!
	until_true 10 waiting || return 2
	kill -9 $client
	wait $client
	until_true 5 idle || return 3
	ctl touch on && fido2-token -I /dev/hidraw0 >/dev/null
}
# Two clients: the second is told that the key is busy, and has its turn later.
busy() {
	{ base64_random 32; echo; echo example.org; } >"$work/busy.in"
	ctl touch off || return 1
	fido2-assert -G -r -i "$work/busy.in" -o "$work/busy.out" /dev/hidraw0 &
	local client=$!
	until_true 10 waiting || return 2
	timeout 20 fido2-assert -G -r -i "$work/busy.in" /dev/hidraw0 && return 3
	ctl touch on || return 4
	wait $client || return 5
	[ -s "$work/busy.out" ]
}
cancel() {
	cred_assert "-r" "-r" >/dev/null 2>&1
	check "a client is killed: the question is taken back" gone
	check "two clients: the second waits its turn" busy
}

# ---- plug -------------------------------------------------------------------
replug() {
	replugged || return 1
	cred_assert "" "" && ctl reset && until_true 10 listed && ctl status | grep -q passkeys=0
}
plug() { check "pulled out, plugged in, reset" replug; }

for part in pin system browsers app; do . "$here/$part.sh"; done

# on PROFILE GROUP...: the groups of checks that this profile is for.
on() {
	local profile=$1 plugged= group
	shift
	for group; do
		wants "$group" || continue
		[ -n "$plugged" ] || plug_in "$profile"
		plugged=yes
		fresh
		"$group"
	done
}
modprobe -q uhid
modprobe -q hid_generic
[ -c /dev/uhid ] || fatal "no /dev/uhid in this kernel"
versions
/lib/systemd/systemd-udevd --daemon 2>/dev/null && udevadm trigger --action=add --subsystem-match=hidraw --subsystem-match=misc && udevadm settle -t 20
on security-key token app libfido2 ssh pam pin manage secret ssh_pin disk cancel plug card chromium firefox
on fingerprint-key verified pam_verified libfido2_verified chromium_verified firefox_verified
on phone phone
if wants app_key; then app_key; fi
[ $failed = 0 ] || { echo "--- the key's log"; tail -40 "$work/key.log"; }
exit $failed
