"""python-fido2 against `cardea authenticator serve --vpcd`, through pcscd.

    python3 lab/python_fido2_card.py CONTROL_PORT

Needs the fido2 package, version 2, and pyscard. Prints ok for each check, or
fails.
"""

import sys
import time
from threading import Event, Timer

from fido2.attestation import PackedAttestation
from fido2.ctap import CtapError
from fido2.ctap1 import APDU, ApduError, Ctap1
from fido2.ctap2 import Ctap2
from fido2.ctap2.pin import ClientPin
from fido2.hid import CAPABILITY
from fido2.pcsc import CtapPcscDevice
from fido2.utils import sha256

from lab_control import control


def card():
    """pcscd looks for its reader's card by and by."""
    for _ in range(150):
        for device in CtapPcscDevice.list_devices("Virtual PCD"):
            return device
        time.sleep(0.2)
    raise AssertionError("no card in any reader")


def make(ctap, name, **options):
    user = {"id": name.encode(), "name": name}
    return ctap.make_credential(sha256(b"register"), {"id": "example.org"}, user, [{"type": "public-key", "alg": -7}], **options)


def passkey(ctap):
    made = make(ctap, "ana", options={"rk": True})
    PackedAttestation().verify(made.att_stmt, made.auth_data, sha256(b"register"))
    found = ctap.get_assertion("example.org", sha256(b"sign in"))
    found.verify(sha256(b"sign in"), made.auth_data.credential_data.public_key)


def waits(ctap, port):
    control(port, "touch off")
    statuses = []
    Timer(1, lambda: control(port, "touch on")).start()
    make(ctap, "ben", options={"rk": True}, on_keepalive=statuses.append)
    assert statuses == [2], statuses


def cancelled(ctap, port):
    control(port, "touch off")
    event = Event()
    Timer(0.5, event.set).start()
    try:
        ctap.selection(event=event)
    except CtapError as e:
        assert e.code == CtapError.ERR.KEEPALIVE_CANCEL, e
    else:
        raise AssertionError("a selection without a touch succeeded")
    assert "waiting=no" in control(port, "status")
    control(port, "touch on")


def polling(call):
    while True:
        try:
            return call()
        except ApduError as e:
            if e.code != APDU.USE_NOT_SATISFIED:
                raise
            time.sleep(0.2)


def u2f(ctap1, port):
    assert ctap1.get_version() == "U2F_V2"
    application, challenge = sha256(b"https://example.org"), sha256(b"challenge")
    control(port, "touch off")
    Timer(1, lambda: control(port, "touch on")).start()
    made = polling(lambda: ctap1.register(challenge, application))
    made.verify(application, challenge)
    used = polling(lambda: ctap1.authenticate(challenge, application, made.key_handle))
    used.verify(application, challenge, made.public_key)


def with_pin(ctap):
    pin = ClientPin(ctap)
    pin.set_pin("2468")
    token = pin.get_pin_token("2468", ClientPin.PERMISSION.MAKE_CREDENTIAL, "example.org")
    made = make(
        ctap, "cleo", options={"rk": True},
        pin_uv_param=pin.protocol.authenticate(token, sha256(b"register")), pin_uv_protocol=pin.protocol.VERSION,
    )
    assert made.auth_data.is_user_verified()


def main(port):
    device = card()
    assert device.capabilities & CAPABILITY.CBOR
    assert device.get_atr().hex() == "3b80800101"
    ctap = Ctap2(device)
    assert "nfc" in ctap.info.transports, ctap.info.transports
    for form in "short APDUs", "extended APDUs", "without GETRESPONSE":
        device.use_ext_apdu = form == "extended APDUs"
        device.use_nfcctap_getresponse = form != "without GETRESPONSE"
        passkey(ctap)
        if device.use_nfcctap_getresponse:
            waits(ctap, port)
            cancelled(ctap, port)
        u2f(Ctap1(device), port)
        print("ok   ", form)
    with_pin(ctap)
    print("ok    with a PIN")


main(int(sys.argv[1]))
