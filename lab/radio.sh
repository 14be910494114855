# Read by crown.sh: two Bluetooth adapters that are none, within reach of each
# other, and BlueZ as Debian ships it.

# until_true SECONDS COMMAND...: waits for COMMAND to succeed.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

start_buses() {
	mkdir -p /run/dbus
	dbus-uuidgen --ensure=/etc/machine-id
	dbus-daemon --system --fork || return 1
	export DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/0/bus
	dbus-daemon --session --fork --address="$DBUS_SESSION_BUS_ADDRESS"
}

adapter() { # adapter NAME METHOD ARG...: BlueZ on one adapter
	local path=/org/bluez/$1 method=$2
	shift 2
	dbus-send --system --print-reply --dest=org.bluez "$path" "org.freedesktop.DBus.Properties.$method" string:org.bluez.Adapter1 "$@"
}

# start_radio starts hci0 and hci1, emulated by btvirt over /dev/vhci, and
# bluetoothd. Now and then the guest is too slow for the first command to a
# new adapter; then they are made again.
start_radio() {
	local try a
	for try in 1 2 3; do
		btvirt -l2 -L >/run/btvirt.log 2>&1 &
		local emulator=$!
		until_true 30 test -e /sys/class/bluetooth/hci1
		sleep 3
		dmesg | grep -q 'hci[0-9]*: Opcode 0x[0-9a-f]* failed: -110' || break
		echo "the adapters were too slow; again"
		dmesg -C
		kill $emulator
		wait $emulator
	done
	/usr/libexec/bluetooth/bluetoothd -n -d >/run/bluetoothd.log 2>&1 &
	for a in hci0 hci1; do
		until_true 40 adapter $a Get string:Address || { tail -5 /run/bluetoothd.log; return 1; }
		adapter $a Set string:Powered variant:boolean:true >/dev/null || return 1
	done
}

address() { adapter "$1" Get string:Address | sed -n 's/.*string "\(.*\)"/\1/p'; }

# take_turns NAME has the adapter advertise a battery, too. Two advertisements
# take turns, and btvirt, unlike a real controller, reports one only when its
# turn begins.
take_turns() {
	{
		sleep 1
		printf '%s\n' "select $(address "$1")" "menu advertise" "service 180f 0x64" "duration 1" back "advertise broadcast"
		sleep infinity
	} | bluetoothctl >/run/turns.log 2>&1 &
	until_true 20 grep -q 'Advertising object registered' /run/turns.log
}
