# Read by interop.sh: a disk that the key opens, and the key as a smart card.

# ---- systemd-cryptenroll, cryptsetup -------------------------------------------
export DM_DISABLE_UDEV=1 # the guest's udev has no rules for volumes
volume_made() {
	head -c 24M /dev/zero >"$work/disk"
	echo -n password >"$work/password"
	cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$work/disk" "$work/password"
}
enrolled() { # enrolled OPTION...
	PASSWORD=password systemd-cryptenroll --fido2-device=/dev/hidraw0 "$@" "$work/disk" &&
		cryptsetup luksDump "$work/disk" | grep -q systemd-fido2
}
opens() { # opens COMMAND...: it opens the volume, and closes it again
	"$@" && test -b /dev/mapper/lab && cryptsetup close lab
}
with_token() { cryptsetup open --token-only "$work/disk" lab; }
with_token_pin() { python3 "$here/with_pin.py" $pin cryptsetup open --token-only "$work/disk" lab; }
with_systemd() { /lib/systemd/systemd-cryptsetup attach lab "$work/disk" - fido2-device=/dev/hidraw0,headless=1; }
with_wrong_key() { replugged && ctl reset && until_true 10 listed && ! opens with_token; }
disk() {
	type -P cryptsetup >/dev/null || { skip cryptsetup "it is not installed"; return; }
	check "cryptsetup makes an encrypted volume" volume_made || return
	check "systemd-cryptenroll --fido2-device, a touch" enrolled --fido2-with-client-pin=no --fido2-with-user-presence=yes || return
	check "cryptsetup open with the key" opens with_token
	check "systemd-cryptsetup attach with the key" opens with_systemd
	check "fido2-token -S sets the PIN" set_pin
	check "cryptsetup does not open with another key" with_wrong_key
	check "systemd-cryptenroll and cryptsetup: another key, with its PIN" second_key
}
second_key() {
	mkdir -p /run/systemd/ask-password # which it watches while it asks
	# A key that makes credentials without a PIN is given none by systemd 252,
	# whose volume then does not open with one. So this key always wants it.
	set_pin && with_pin fido2-token -S -u /dev/hidraw0 && volume_made || return 1
	PASSWORD=password python3 "$here/with_pin.py" $pin systemd-cryptenroll --fido2-device=/dev/hidraw0 --fido2-with-client-pin=yes "$work/disk" || return 2
	opens with_token_pin
}

# ---- pcscd ---------------------------------------------------------------------
# python-fido2 with a key in the reader that vsmartcard-vpcd gives to pcscd.
card_starts() {
	mkdir -p /run/pcscd
	pcscd --foreground >"$work/pcscd.log" 2>&1 &
	"$cardea" --log-level info authenticator serve --vpcd 127.0.0.1:35963 --insecure-test --control 127.0.0.1:7001 >"$work/card.log" 2>&1 &
	until_true 20 grep -q ^Control "$work/card.log" && until_true 20 test -S /run/pcscd/pcscd.comm
}
card() {
	if ! python3 -c 'import smartcard' 2>/dev/null || [ ! -d /scratch/python ]; then
		skip "pcscd" "python3-pyscard or python-fido2 is not installed"
		return
	fi
	card_starts || { failed=1; echo "FAIL  a key in pcscd's reader"; cat "$work/pcscd.log" "$work/card.log"; return; }
	LIMIT=120 check "python-fido2 through pcscd: CTAP2, U2F, cancellation" card_python
}
card_python() {
	PYTHONPATH=/scratch/python python3 "$here/python_fido2_card.py" 7001 && return
	tail -n 20 "$work/card.log" "$work/pcscd.log"
	return 1
}
