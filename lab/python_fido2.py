"""python-fido2 against `cardea authenticator serve --ctaphid udp:HOST:PORT`.

    python3 lab/python_fido2.py PORT CONTROL_PORT

Needs the fido2 package, version 2. Prints ok for each check, or fails.
"""

import socket
import sys
from importlib.metadata import version
from threading import Event, Timer

from fido2.attestation import PackedAttestation
from fido2.ctap import CtapError
from fido2.ctap2 import Ctap2
from fido2.hid import CAPABILITY, CtapHidDevice
from fido2.hid.base import CtapHidConnection, HidDescriptor
from fido2.utils import sha256


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


def control(port, line):
    with socket.create_connection(("127.0.0.1", port)) as c:
        c.sendall(line.encode() + b"\n")
        answer = c.makefile().readline().strip()
    assert not answer.startswith("error"), answer
    return answer


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


def main(port, control_port):
    print("python-fido2", version("fido2"))
    device = CtapHidDevice(HidDescriptor("udp", 0x1209, 0x0001, 64, 64, "Cardea", None), Datagrams(port))
    assert device.capabilities & CAPABILITY.CBOR
    ctap = Ctap2(device)
    for name, check in {
        "ping of every length": lambda: [device.ping(bytes(n)) for n in (0, 57, 58, 1000, 7609)],
        "lock": lambda: (device.lock(2), device.lock(0)),
        "getInfo": lambda: ctap.get_info().options["uv"] or sys.exit("no uv"),
        "register and sign in": lambda: sign_in(ctap, False),
        "register and sign in, the person verified": lambda: sign_in(ctap, True),
        "cancel": lambda: cancelled(ctap, control_port),
        "deny": lambda: denied(ctap, control_port),
    }.items():
        check()
        print("ok   ", name)


main(int(sys.argv[1]), int(sys.argv[2]))
