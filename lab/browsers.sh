# Read by interop.sh: browsers against the key. Each opens a page on localhost
# that makes a passkey, uses it, checks the signature, and says how it went by
# asking for /result?….

start_desktop() {
	[ -z "${DISPLAY:-}" ] || return 0
	mkdir -p /run/dbus "$work/www"
	dbus-uuidgen --ensure=/etc/machine-id
	dbus-daemon --system --fork
	DBUS_SESSION_BUS_ADDRESS=$(dbus-daemon --session --fork --print-address)
	Xvfb :9 -screen 0 1200x850x24 -nolisten tcp >"$work/xvfb.log" 2>&1 &
	export DBUS_SESSION_BUS_ADDRESS DISPLAY=:9
	until_true 60 xdpyinfo || return 1
	cp "$here/passkey.html" "$work/www/index.html"
	/usr/bin/python3 -m http.server --bind 127.0.0.1 --directory "$work/www" 8000 >/dev/null 2>"$work/www.log" &
	until_true 60 bash -c '</dev/tcp/127.0.0.1/8000'
}

# report BROWSER: waits for the page's last word, which must be good.
report() {
	until_true "${PATIENCE:-200}" grep -aqE 'result\?(done|error)' "$work/www.log"
	grep -aoE 'result\?[^ ]*' "$work/www.log"
	grep -aq 'result?done' "$work/www.log" && return
	import -window root "/scratch/$1.png" && echo "the screen is in $1.png"
	tail -5 "$work/$1.log"
	return 1
}

in_chromium() {
	: >"$work/www.log"
	# The flags after --no-sandbox (we are root) keep it from doing what takes
	# minutes in a guest without hardware help.
	command chromium --no-sandbox --user-data-dir="$work/chromium" --no-first-run --no-default-browser-check --password-store=basic \
		--disable-gpu --in-process-gpu --disable-software-rasterizer --disable-dev-shm-usage --js-flags=--jitless \
		--disable-background-networking --disable-component-update --disable-sync --disable-extensions --disable-default-apps \
		--disable-breakpad --disable-hang-monitor --renderer-process-limit=2 --ipc-connection-timeout=300 --lang=en-US \
		--disable-features=OptimizationGuideOnDeviceModel,OnDeviceModelService,Translate,MediaRouter,PaintHolding \
		--enable-features=NetworkServiceInProcess2 --enable-logging=stderr --vmodule='*fido*=2,*webauthn*=2' \
		"http://localhost:8000/?uv=$1" >"$work/chromium.log" 2>&1 &
	local browser=$!
	report chromium
	local rc=$?
	kill $browser 2>/dev/null
	wait $browser 2>/dev/null
	return $rc
}
in_firefox() {
	: >"$work/www.log"
	mkdir -p "$work/firefox"
	cat >"$work/firefox/user.js" <<-'J'
		user_pref("browser.shell.checkDefaultBrowser", false);
		user_pref("browser.aboutwelcome.enabled", false);
		user_pref("datareporting.policy.dataSubmissionEnabled", false);
		user_pref("app.update.enabled", false);
		user_pref("app.normandy.enabled", false);
		user_pref("browser.safebrowsing.downloads.remote.enabled", false);
		user_pref("network.captive-portal-service.enabled", false);
		user_pref("network.connectivity-service.enabled", false);
		user_pref("security.webauth.webauthn_enable_usbtoken", true);
		user_pref("security.webauthn.ctap2", true);
	J
	MOZ_DISABLE_CONTENT_SANDBOX=1 MOZ_WEBRENDER=0 LIBGL_ALWAYS_SOFTWARE=1 RUST_LOG=authenticator=debug \
		firefox-esr --no-remote --profile "$work/firefox" "http://localhost:8000/?uv=$1" >"$work/firefox.log" 2>&1 &
	local browser=$!
	report firefox
	local rc=$?
	kill $browser 2>/dev/null
	wait $browser 2>/dev/null
	return $rc
}

# The desktop is started outside check: what check runs is in a subshell.
browser() { # browser NAME PROGRAM
	type -P "$2" >/dev/null || { skip "$1" "it is not installed"; return 1; }
	start_desktop || { failed=1; echo "FAIL  no X server"; return 1; }
}
chromium() {
	browser Chromium chromium || return
	LIMIT=240 check "Chromium: a passkey made and used" in_chromium discouraged
	check "fido2-token -S sets the PIN" set_pin || return
	LIMIT=240 check "Chromium: verified by the PIN, typed into its dialog" typing chromium in_chromium required
}
chromium_verified() {
	browser Chromium chromium || return
	LIMIT=240 check "Chromium: verified by the key itself" in_chromium required
}
firefox() {
	browser Firefox firefox-esr || return
	LIMIT=240 check "Firefox: a passkey made and used" in_firefox discouraged
	check "fido2-token -S sets the PIN" set_pin || return
	LIMIT=240 check "Firefox: verified by the PIN, typed into its dialog" typing firefox in_firefox required
}
firefox_verified() {
	browser Firefox firefox-esr || return
	LIMIT=240 check "Firefox: verified by the key itself" in_firefox required
}

# typing BROWSER COMMAND...: types the PIN while COMMAND runs, whenever the
# browser waits for it. The last screen is kept for who looks.
typing() {
	local name=$1 typist rc
	shift
	: >"$work/$name.log"
	"type_in_$name" "$(last_record)" &
	typist=$!
	"$@"
	rc=$?
	kill $typist
	return $rc
}
# Chromium asks the key about PINs, and then goes no further by itself.
type_in_chromium() {
	local last=$1
	while sleep 1; do
		[ "$(last_record)" != "$last" ] || continue
		last=$(last_record)
		sleep 5
		[ "$(last_record)" = "$last" ] || continue
		case $last in *command=clientPIN*) type_pin chromium ;; esac
	done
}
# Firefox says so in its log, and the key hears nothing.
type_in_firefox() {
	local typed=0 asked
	while sleep 1; do
		asked=$(grep -c 'PIN Error that requires user interaction' "$work/firefox.log")
		[ "$asked" -gt "$typed" ] || continue
		typed=$asked
		sleep 5 # for its dialog
		type_pin firefox
	done
}
type_pin() {
	import -window root "/scratch/$1-pin.png"
	# Without a window manager nobody gives a window the keys. Chromium takes
	# those of the pointer; Firefox's dialog has a field only in a window that has
	# the focus, and no button in its first second.
	xdotool mousemove 620 240
	if [ "$1" = firefox ]; then
		xdotool search --onlyvisible --class firefox windowfocus %@
		sleep 3
		import -window root "/scratch/$1-focus.png"
	fi
	xdotool type --delay 100 "$pin"
	sleep 1
	# In Firefox, Return ends the dialog as a no; its button is pressed.
	if [ "$1" = firefox ]; then
		xdotool mousemove 680 322 click 1
	else
		xdotool key Return
	fi
}
last_record() { tail -n 1 "$work/key.log"; }
