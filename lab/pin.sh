# Read by interop.sh: what clients do with the PIN of a security key. Without a
# terminal, as here, the tools of libfido2 read the PIN from standard input.

pin=2468

set_pin() { printf '%s\n%s\n' $pin $pin | fido2-token -S /dev/hidraw0; }
with_pin() { echo $pin | "$@"; }

pin_change() {
	printf '%s\n13579\n13579\n' $pin | fido2-token -C /dev/hidraw0 || return 1
	printf '13579\n%s\n%s\n' $pin $pin | fido2-token -C /dev/hidraw0
}
pin_short() { ! printf '123\n123\n' | fido2-token -S /dev/hidraw0 2>"$work/short" && grep -qiE 'POLICY|length' "$work/short"; }
pin_wrong() {
	! printf '9999\n0000\n0000\n' | fido2-token -C /dev/hidraw0 2>"$work/wrong" && grep -q PIN_INVALID "$work/wrong" || return 1
	fido2-token -I /dev/hidraw0 | grep -q 'pin retries: 7' || return 2
	pin_change && fido2-token -I /dev/hidraw0 | grep -q 'pin retries: 8'
}
# Three wrong ones in a row, and only a power cycle helps.
pin_blocked() {
	local i
	for i in 1 2 3; do printf '9999\n0000\n0000\n' | fido2-token -C /dev/hidraw0 2>"$work/wrong" && return 1; done
	grep -q PIN_AUTH_BLOCKED "$work/wrong" || return 2
	! pin_change 2>/dev/null || return 3
	replugged && pin_change
}
# cred_pin "CRED FLAGS" "ASSERT FLAGS" "VERIFY FLAGS": as cred_assert, with the PIN.
cred_pin() {
	local d
	d=$(mktemp -d "$work/pin.XXXX")
	{ base64_random 32; echo; echo example.org; echo ana; base64_random 16; echo; } >"$d/cred.in"
	# shellcheck disable=SC2086
	with_pin fido2-cred -M $1 -i "$d/cred.in" -o "$d/cred.out" /dev/hidraw0 es256 || return 1
	# shellcheck disable=SC2086
	fido2-cred -V ${3:-} -i "$d/cred.out" -o "$d/id" es256 || return 2
	tail -n +2 "$d/id" >"$d/key"
	{ base64_random 32; echo; echo example.org; case "$2" in *-r*) ;; *) head -1 "$d/id" ;; esac; } >"$d/assert.in"
	# shellcheck disable=SC2086
	with_pin fido2-assert -G $2 -i "$d/assert.in" -o "$d/assert.out" /dev/hidraw0 || return 3
	# shellcheck disable=SC2086
	head -4 "$d/assert.out" | fido2-assert -V ${2//-r/} "$d/key" es256 || return 4
}
reset_late() { sleep 11; ! fido2-token -R /dev/hidraw0 2>"$work/late" && grep -q NOT_ALLOWED "$work/late"; }
reset_soon() { replugged && fido2-token -R /dev/hidraw0 && fido2-token -I /dev/hidraw0 | grep -q noclientPin; }
always_uv() {
	with_pin fido2-token -S -u /dev/hidraw0 && feature alwaysUv || return 1
	! cred_assert "-u" "-u" 2>/dev/null || return 2
	with_pin fido2-token -D -u /dev/hidraw0 && feature noalwaysUv
}
min_length() {
	with_pin fido2-token -S -l 6 /dev/hidraw0 && fido2-token -I /dev/hidraw0 | grep -q 'minpinlen: 6' || return 1
	printf '%s\n135790\n135790\n' $pin | fido2-token -C /dev/hidraw0
}
# Their own test, for a key with a PIN that is set; with UV=1 also for one that
# recognizes its person.
theirs() { # theirs [UV]
	if [ ! -r $their_test ]; then
		skip "libfido2's tools/test.sh" "its source is not to be had from this machine's Debian mirror"
		return
	fi
	LIMIT=400 check "libfido2's tools/test.sh${1:+ with UV=1} (of $(cat /scratch/libfido2/version))" test_sh "${1:-}"
}
their_test=/scratch/libfido2/tools/test.sh
test_sh() {
	UV=$1 python3 "$here/with_pin.py" $pin sh -ex $their_test "$(mktemp -d "$work/test.XXXX")" /dev/hidraw0 >"$work/test.log" 2>&1 && return
	tail -20 "$work/test.log"
	return 1
}
libfido2_verified() {
	check "fido2-token -S sets the PIN" set_pin && theirs 1
}
pin() {
	check "fido2-token -S: too short a PIN is refused" pin_short
	check "fido2-token -S sets the PIN" set_pin || return
	check "fido2-token -C changes it" pin_change
	check "fido2-token: a wrong PIN costs a try, the right one gives it back" pin_wrong
	check "fido2-token: three wrong PINs block until the key is pulled out" pin_blocked
	check "fido2-cred and fido2-assert with the PIN" cred_pin "-v" "-v" "-v"
	check "fido2-cred and fido2-assert with the PIN: a passkey" cred_pin "-r -v" "-r -v" "-v"
	theirs
	check "fido2-token -S -u, -D -u: alwaysUv" always_uv
	check "fido2-token -S -l 6: a longer PIN" min_length
	check "fido2-token -R: too late" reset_late
	check "fido2-token -R: in time" reset_soon
}

# ---- credential management, large blobs --------------------------------------
passkey() { # passkey SITE NAME ID [FLAG...]
	local site=$1 name=$2 id=$3
	shift 3
	{ base64_random 32; echo; echo "$site"; echo "$name"; echo -n "$id" | base64; } >"$work/passkey.in"
	with_pin fido2-cred -M -r "$@" -i "$work/passkey.in" -o "$work/passkey.out" /dev/hidraw0 es256
}
listed_sites() {
	passkey one.example ana 1 && passkey one.example ben 2 && passkey two.example ana 1 || return 1
	with_pin fido2-token -I -c /dev/hidraw0 | grep -q 'existing rk(s): 3' || return 2
	with_pin fido2-token -L -r /dev/hidraw0 >"$work/sites" && grep -q one.example "$work/sites" && grep -q two.example "$work/sites" || return 3
	with_pin fido2-token -L -k one.example /dev/hidraw0 >"$work/keys" && cat "$work/keys" && [ "$(wc -l <"$work/keys")" = 2 ]
}
# id_of SITE USER-ID: the ID of a passkey.
id_of() { with_pin fido2-token -L -k "$1" /dev/hidraw0 | grep -F " $(echo -n "$2" | base64) " | tr ' ' '\n' | grep -E '^[A-Za-z0-9+/=]{20,}$' | head -1; }
renamed() {
	local id
	id=$(id_of one.example 2)
	with_pin fido2-token -S -c -i "$id" -k "$(echo -n 2 | base64)" -n bernd -p Bernd /dev/hidraw0 || return 1
	with_pin fido2-token -L -k one.example /dev/hidraw0 | grep -q Bernd
}
deleted() {
	with_pin fido2-token -D -i "$(id_of two.example 1)" /dev/hidraw0 || return 1
	! with_pin fido2-token -L -r /dev/hidraw0 | grep -q two.example && ctl status | grep -q passkeys=2
}
blob() {
	passkey blob.example ana 9 -b || return 1
	head -c 3000 /dev/urandom | base64 | head -c 1200 >"$work/blob"
	with_pin fido2-token -S -b -n blob.example "$work/blob" /dev/hidraw0 || return 2
	with_pin fido2-token -L -b /dev/hidraw0 || return 3
	with_pin fido2-token -G -b -n blob.example "$work/blob.back" /dev/hidraw0 && cmp "$work/blob" "$work/blob.back" || return 4
	with_pin fido2-token -D -b -n blob.example /dev/hidraw0 || return 5
	! with_pin fido2-token -G -b -n blob.example "$work/blob.gone" /dev/hidraw0
}
manage() {
	check "fido2-token -S sets the PIN" set_pin || return
	check "fido2-token -L -r, -L -k, -I -c: lists the passkeys" listed_sites
	check "fido2-token -S -c: renames one" renamed
	check "fido2-token -D: deletes one" deleted
	check "fido2-token -S -b, -L -b, -G -b, -D -b: large blobs" blob
}

# ---- extensions ---------------------------------------------------------------
# hmac SALT FLAGS...: the secret of the passkey in $work/hmac.
hmac() {
	local salt=$1
	shift
	{ base64_random 32; echo; echo hmac.example; head -1 "$work/hmac.id"; echo "$salt"; } >"$work/hmac.in"
	with_pin fido2-assert -G -h "$@" -i "$work/hmac.in" /dev/hidraw0 | tail -1
}
hmac_secret() {
	{ base64_random 32; echo; echo hmac.example; echo ana; base64_random 16; echo; } >"$work/hmac.cred"
	with_pin fido2-cred -M -h "$@" -i "$work/hmac.cred" /dev/hidraw0 es256 | fido2-cred -V -h -o "$work/hmac.id" es256 || return 1
	local one two a
	one=$(base64_random 32) two=$(base64_random 32)
	a=$(hmac "$one") && [ ${#a} = 44 ] || return 2
	[ "$a" = "$(hmac "$one")" ] || return 3
	[ "$a" != "$(hmac "$two")" ] || return 4
}
hmac_verified() {
	local salt
	salt=$(base64_random 32)
	[ "$(hmac "$salt" -t pin=true)" = "$(hmac "$salt" -t pin=true)" ] && [ "$(hmac "$salt" -t pin=true)" != "$(hmac "$salt")" ]
}
protected() {
	{ base64_random 32; echo; echo protect.example; echo ana; base64_random 16; echo; } >"$work/protect.in"
	with_pin fido2-cred -M -r -c 3 -i "$work/protect.in" /dev/hidraw0 es256 | fido2-cred -V -c 3 -o "$work/protect.id" es256 || return 1
	{ base64_random 32; echo; echo protect.example; head -1 "$work/protect.id"; } >"$work/protect.ask"
	! fido2-assert -G -t pin=false -i "$work/protect.ask" /dev/hidraw0 2>"$work/protect.err" </dev/null && grep -q NO_CREDENTIALS "$work/protect.err" || return 2
	with_pin fido2-assert -G -v -i "$work/protect.ask" /dev/hidraw0 >/dev/null
}
secret() {
	check "hmac-secret without a PIN" hmac_secret
	check "fido2-token -S sets the PIN" set_pin || return
	check "hmac-secret with a PIN" hmac_secret
	check "hmac-secret: another one for a person who was verified" hmac_verified
	check "credProtect: level 3 is not there without the PIN" protected
}

# ---- OpenSSH, with the PIN ------------------------------------------------------
ssh_loaded() { # ssh_loaded TYPE: a resident key, on another machine
	local d
	d=$(mktemp -d "$work/load.XXXX")
	ssh_sign "$1" -O resident -O "application=ssh:$1" || return 1
	(cd "$d" && ssh-keygen -q -K -N '') || return 2
	local got="$d/id_${1/-/_}_rk_$1"
	[ -r "$got" ] || { ls "$d"; return 3; }
	echo "to be signed" >"$d/text"
	ssh-keygen -Y sign -f "$got" -n lab "$d/text" || return 4
	echo "ana $(cut -d' ' -f1,2 "$got.pub")" >"$d/allowed"
	ssh-keygen -Y verify -f "$d/allowed" -I ana -n lab -s "$d/text.sig" <"$d/text"
}
ssh_pin() {
	check "fido2-token -S sets the PIN" set_pin || return
	printf '#!/bin/sh\necho %s\n' $pin >"$work/askpass"
	chmod 755 "$work/askpass"
	export SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force
	local type
	for type in ecdsa-sk ed25519-sk; do
		check "ssh-keygen -t $type -O verify-required" ssh_sign $type -O verify-required
		check "ssh-keygen -t $type -O resident, -K on another machine" ssh_loaded $type
		check "ssh-keygen -t $type -O resident -O verify-required" ssh_sign $type -O resident -O verify-required -O "application=ssh:v$type"
	done
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
}
