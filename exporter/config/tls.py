"""`tls_server_config`: the names of Go's crypto/tls, as Python's ssl takes them.

What ssl cannot do is refused by name: a setting that is read and not kept would be a
hole that nobody sees.
"""

import os
import ssl
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from exporter.config.outspoken import OutspokenContext

VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
BROKEN_VERSIONS: Final = ("TLS10", "TLS11")
CLIENT_AUTH: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
UNVERIFIED_AUTH: Final = (
    "RequestClientCert",
    "RequireAnyClientCert",
    "RequireClientCert",
)
"""They ask for a certificate and do not look who signed it."""
CURVES: Final = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
_GO_ECDHE = {
    "AES_128_CBC_SHA": "AES128-SHA",
    "AES_256_CBC_SHA": "AES256-SHA",
    "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
    "CHACHA20_POLY1305": "CHACHA20-POLY1305",
}
CIPHERS: Final = {
    f"TLS_ECDHE_{key}_WITH_{cipher}": f"ECDHE-{key}-{openssl}"
    for key in ("RSA", "ECDSA")
    for cipher, openssl in _GO_ECDHE.items()
}
"""Of TLS 1.2, Go's name to OpenSSL's."""
TLS13_CIPHERS: Final = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
)
"""Always offered, whatever is listed; in Go too."""


class TlsProblem(Exception):
    """A setting cannot be used."""

    def __init__(self, key: str, text: str) -> None:
        self.key = key
        self.text = text
        super().__init__(key, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """The section with its files read."""

    cert: bytes
    key: bytes
    client_ca: bytes | None = None
    client_auth_type: str = "NoClientCert"
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: Sequence[str] = ()
    curve_preferences: Sequence[str] = ()
    prefer_server_cipher_suites: bool = True
    names: Mapping[str, str]
    """Of cert, key and client_ca: the key of the file that gave it."""


def context_of(settings: TlsSettings) -> ssl.SSLContext:
    """Return what greets clients.

    Raises:
        TlsProblem: a certificate, a key or a combination cannot be used.
    """
    context = OutspokenContext(ssl.PROTOCOL_TLS_SERVER)
    # Each connection shows its certificate: none goes on from one that was made under
    # other rules.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    if settings.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    _set_versions(context, settings)
    for curve in settings.curve_preferences:
        context.set_ecdh_curve(CURVES[curve])
    _load_chain(context, settings)
    _ask_clients(context, settings)
    return context


def _set_versions(context: ssl.SSLContext, settings: TlsSettings) -> None:
    least, most = VERSIONS[settings.min_version], VERSIONS[settings.max_version]
    if least > most:
        raise TlsProblem("min_version", f"is above max_version {settings.max_version}")
    older = [CIPHERS[one] for one in settings.cipher_suites if one in CIPHERS]
    if older:
        context.set_ciphers(":".join(older))
    elif settings.cipher_suites:
        # Nothing is left for TLS 1.2.
        least = ssl.TLSVersion.TLSv1_3
        if most < least:
            raise TlsProblem("cipher_suites", "names none that TLS12 has")
    context.minimum_version, context.maximum_version = least, most


def _load_chain(context: ssl.SSLContext, settings: TlsSettings) -> None:
    """Load certificate and key from memory: as they were read, both."""
    cert, key = settings.names["cert"], settings.names["key"]
    _certificates(settings.cert, cert)
    if b"ENCRYPTED" in settings.key:
        raise TlsProblem(key, "is encrypted; nobody is there to give its password")
    with ExitStack() as opened:
        try:
            context.load_cert_chain(
                _in_memory(settings.cert, opened),
                _in_memory(settings.key, opened),
                password=lambda: b"",
            )
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                text = f"does not belong to the certificate of {cert}"
                raise TlsProblem(key, text) from error
            if error.reason in _WEAK:
                raise TlsProblem(cert, f"is too weak: {_words(error)}") from error
            raise TlsProblem(key, "holds no private key in PEM") from error


def _ask_clients(context: ssl.SSLContext, settings: TlsSettings) -> None:
    mode = CLIENT_AUTH[settings.client_auth_type]
    if settings.client_ca is None:
        if mode is not ssl.CERT_NONE:
            text = "needs client_ca_file or client_ca: nobody could be verified"
            raise TlsProblem("client_auth_type", text)
        return
    name = settings.names["client_ca"]
    if mode is ssl.CERT_NONE:
        text = "is of no use without client_auth_type RequireAndVerifyClientCert"
        raise TlsProblem(name, text)
    context.load_verify_locations(cadata=_certificates(settings.client_ca, name))
    context.verify_mode = mode


_WEAK = ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK")


def _certificates(pem: bytes, name: str) -> str:
    """Return PEM as text; it holds at least one certificate."""
    with suppress(ssl.SSLError, ValueError):
        text = pem.decode("ascii", "ignore")
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=text)
        return text
    raise TlsProblem(name, "holds no certificate in PEM")


def _in_memory(content: bytes, opened: ExitStack) -> str:
    """Return the path of a file that is nowhere but in memory."""
    descriptor = os.memfd_create("pem")
    opened.callback(os.close, descriptor)
    os.write(descriptor, content)
    return f"/proc/self/fd/{descriptor}"


def _words(error: ssl.SSLError) -> str:
    return (error.reason or "").replace("_", " ").lower()
