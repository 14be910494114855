"""python-fido2 against `cardea authenticator serve --ctaphid udp:HOST:PORT`.

    python3 lab/python_fido2.py PROFILE PORT CONTROL_PORT

Needs the fido2 package, version 2. Prints ok for each check, or fails.
"""

import socket
import sys
import time
from importlib.metadata import version
from threading import Event, Timer

from fido2.attestation import PackedAttestation
from fido2.client import DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.ctap import CtapError
from fido2.ctap1 import APDU, ApduError, Ctap1
from fido2.ctap2 import CredentialManagement, Ctap2
from fido2.ctap2.extensions import HmacSecretExtension
from fido2.ctap2.pin import ClientPin
from fido2.hid import CAPABILITY, CtapHidDevice
from fido2.hid.base import CtapHidConnection, HidDescriptor
from fido2.server import Fido2Server
from fido2.utils import sha256

from lab_control import control


class Datagrams(CtapHidConnection):
    """One report a datagram."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(10)

    def read_packet(self):
        return self.socket.recv(64)

    def write_packet(self, data):
        self.socket.send(data.ljust(64, b"\0"))

    def close(self):
        self.socket.close()


def sign_in(ctap, verify):
    """Registers and signs in; both signatures and the UV flag are checked.

    With commands, not with Fido2Client: that one asks for a PIN protocol where
    a device verifies its person by itself, and a phone has none.
    """
    options = {"rk": True, "uv": True} if verify else {"rk": True}
    user = {"id": b"ana", "name": "ana", "displayName": "Ana"}
    rp = {"id": "example.org", "name": "Example"}
    made = ctap.make_credential(sha256(b"register"), rp, user, [{"type": "public-key", "alg": -7}], options=options)
    PackedAttestation().verify(made.att_stmt, made.auth_data, sha256(b"register"))
    found = ctap.get_assertion("example.org", sha256(b"sign in"), options={"uv": True} if verify else None)
    found.verify(sha256(b"sign in"), made.auth_data.credential_data.public_key)
    assert found.credential["id"] == made.auth_data.credential_data.credential_id
    assert found.auth_data.is_user_present() and (found.auth_data.is_user_verified() or not verify)


def cancelled(ctap, control_port):
    """A cancelled command answers KEEPALIVE_CANCEL, and the key is free."""
    control(control_port, "touch off")
    event = Event()
    Timer(0.5, event.set).start()
    try:
        ctap.selection(event=event)
    except CtapError as e:
        assert e.code == CtapError.ERR.KEEPALIVE_CANCEL, e
    else:
        raise AssertionError("a selection without touch succeeded")
    assert "waiting=no" in control(control_port, "status")
    control(control_port, "touch on")
    ctap.selection()


def denied(ctap, control_port):
    control(control_port, "deny")
    try:
        ctap.selection()
    except CtapError as e:
        assert e.code == CtapError.ERR.OPERATION_DENIED, e
    else:
        raise AssertionError("a selection that was denied succeeded")


class Person(UserInteraction):
    """Types the PIN, and gives back what it is told."""

    def request_pin(self, permissions, rp_id):
        return "2468"


def client(device, verify, prf):
    """Fido2Client against Fido2Server: with the PIN, or without."""
    verification = "required" if verify else "discouraged"
    server = Fido2Server({"id": "example.org", "name": "Example"}, attestation="direct")
    browser = Fido2Client(device, DefaultClientDataCollector("https://example.org"), user_interaction=Person(), extensions=[HmacSecretExtension(allow_hmac_secret=True)])
    user = {"id": b"cleo" if verify else b"dora", "name": "cleo"}
    options, state = server.register_begin(user, resident_key_requirement="required" if verify else "discouraged", user_verification=verification, extensions={"hmacCreateSecret": True} if prf else None)
    made = server.register_complete(state, browser.make_credential(options.public_key))
    assert made.is_user_verified() == verify, made.flags
    options, state = server.authenticate_begin([made.credential_data], user_verification=verification, extensions={"hmacGetSecret": {"salt1": bytes(32)}} if prf else None)
    answer = browser.get_assertion(options.public_key).get_response(0)
    server.authenticate_complete(state, [made.credential_data], answer)
    assert answer.response.authenticator_data.is_user_verified() == verify
    if prf:
        assert len(answer.client_extension_results.hmac_get_secret.output1) == 32


def u2f(device, control_port):
    ctap1 = Ctap1(device)
    assert ctap1.get_version() == "U2F_V2"
    application, challenge = sha256(b"https://example.org"), sha256(b"challenge")

    def polling(call):
        control(control_port, "touch off")
        Timer(1, lambda: control(control_port, "touch on")).start()
        while True:
            try:
                return call()
            except ApduError as e:
                assert e.code == APDU.USE_NOT_SATISFIED, e
                time.sleep(0.2)

    made = polling(lambda: ctap1.register(challenge, application))
    made.verify(application, challenge)
    used = polling(lambda: ctap1.authenticate(challenge, application, made.key_handle))
    used.verify(application, challenge, made.public_key)


def managed(ctap):
    pin = ClientPin(ctap)
    token = pin.get_pin_token("2468", ClientPin.PERMISSION.CREDENTIAL_MGMT)
    management = CredentialManagement(ctap, pin.protocol, token)
    sites = [site[CredentialManagement.RESULT.RP]["id"] for site in management.enumerate_rps()]
    assert sites == ["example.org"], sites
    found = management.enumerate_creds(sha256(b"example.org"))
    for credential in found:
        management.delete_cred(credential[CredentialManagement.RESULT.CREDENTIAL_ID])
    assert management.get_metadata()[CredentialManagement.RESULT.EXISTING_CRED_COUNT] == 0


def phone(ctap, device, control_port):
    return {
        "getInfo": lambda: ctap.get_info().options["uv"] or sys.exit("no uv"),
        "register and sign in": lambda: sign_in(ctap, False),
        "register and sign in, the person verified": lambda: sign_in(ctap, True),
    }


def security_key(ctap, device, control_port):
    return {
        "U2F": lambda: u2f(device, control_port),
        "Fido2Client and Fido2Server": lambda: client(device, False, False),
        "a PIN": lambda: (ClientPin(ctap).set_pin("1357"), ClientPin(ctap).change_pin("1357", "2468")),
        "Fido2Client and Fido2Server, with the PIN": lambda: client(device, True, False),
        "the same with hmac-secret": lambda: client(device, True, True),
        "credential management": lambda: managed(Ctap2(device)),
    }


def main(profile, port, control_port):
    print("python-fido2", version("fido2"), "and a", profile)
    device = CtapHidDevice(HidDescriptor("udp", 0x1209, 0x0001, 64, 64, "Cardea", None), Datagrams(port))
    assert device.capabilities & CAPABILITY.CBOR
    ctap = Ctap2(device)
    for name, check in {
        "ping of every length": lambda: [device.ping(bytes(n)) for n in (0, 57, 58, 1000, 7609)],
        "lock": lambda: (device.lock(2), device.lock(0)),
        "cancel": lambda: cancelled(ctap, control_port),
        "deny": lambda: denied(ctap, control_port),
        **{"phone": phone, "security-key": security_key}[profile](ctap, device, control_port),
    }.items():
        check()
        print("ok   ", name)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
