"""Stand-ins for Google's and Azure's key services, as far as signing takes them.

`python cloud_keys.py FOLDER` answers until its standard input ends. The services'
own clients reach it by their own names through an HTTP proxy, with TLS, and log in: to Google with
a service account's key, to Azure as a managed identity. A process of its own, since gRPC's threads
are nothing to fork beside.
"""

import base64
import importlib.util
import json
import select
import socket
import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

GOOGLE, AZURE = "cloudkms.googleapis.com", "proofs.vault.azure.net"
RING = "projects/p/locations/global/keyRings/r/cryptoKeys/{}/cryptoKeyVersions/1"
ACCOUNT = "ci@p.iam.gserviceaccount.com"
HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384()}
CURVES = {"p256": SECP256R1(), "p384": SECP384R1()}
VERSION = "0123456789abcdef0123456789abcdef"


def pem(key: Any) -> bytes:
    made: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made


def signed(key: EllipticCurvePrivateKey, digest: bytes, algorithm: str) -> bytes:
    return key.sign(digest, ECDSA(Prehashed(HASHES[algorithm])))


def certificate(folder: Path) -> tuple[Path, Path]:
    """One for both names, signed by itself: who trusts it trusts these names."""
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand-in")])
    names = x509.SubjectAlternativeName([x509.DNSName(GOOGLE), x509.DNSName(AZURE)])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "tls.key").write_bytes(pem(key))
    return folder / "tls.pem", folder / "tls.key"


class Vault(BaseHTTPRequestHandler):
    """Azure Key Vault's `get key` and `sign` (REST, 7.x)."""

    keys: dict[str, EllipticCurvePrivateKey]

    def do_GET(self) -> None:
        self._answer(*self._asked({}))

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self._answer(*self._asked(json.loads(content or "{}")))

    def _asked(self, body: dict[str, str]) -> tuple[int, Any]:
        if self.headers["Authorization"] != "Bearer of-the-identity":
            return 401, {"error": {"code": "Unauthorized", "message": "no token"}}
        _, _, name, version, *what = self.path.partition("?")[0].split("/")
        if name == "denied":
            return 403, {"error": {"code": "Forbidden", "message": "no permission keys/sign"}}
        if name not in self.keys or version != VERSION:
            return 404, {"error": {"code": "KeyNotFound", "message": f"{name} was not found"}}
        key, url = self.keys[name], f"https://{AZURE}/keys/{name}/{version}"
        size = key.curve.key_size // 8
        if what == ["sign"]:
            digest = base64.urlsafe_b64decode(body["value"] + "==")
            assert body["alg"] == f"ES{8 * size}"
            both = decode_dss_signature(signed(key, digest, f"sha{8 * size}"))
            value = b"".join(number.to_bytes(size, "big") for number in both)
            return 200, {"kid": url, "value": coded(value)}
        numbers = key.public_key().public_numbers()
        x, y = (coded(each.to_bytes(size, "big")) for each in (numbers.x, numbers.y))
        jwk = {"kid": url, "kty": "EC", "crv": f"P-{8 * size}", "key_ops": ["sign", "verify"]}
        return 200, {"key": {**jwk, "x": x, "y": y}, "attributes": {"enabled": True}}

    def _answer(self, code: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        if code == 401:
            login = 'Bearer authorization="https://login.microsoftonline.com/t"'
            self.send_header("WWW-Authenticate", f'{login}, resource="https://vault.azure.net"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


def is_here(module: str) -> bool:
    """Whether a module can be imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def coded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


class Proxy(Vault):
    """Leads to the services, and gives a managed identity its token (App Service's protocol)."""

    ports: dict[str, int]

    def do_CONNECT(self) -> None:
        port = self.ports.get(self.path.removesuffix(":443"))
        if port is None:
            self.send_error(403)
            return
        self.send_response(200)
        self.end_headers()
        with socket.create_connection(("127.0.0.1", port)) as there:
            ways = {self.connection: there, there: self.connection}
            while True:
                for each in select.select(list(ways), [], [])[0]:
                    content = each.recv(1 << 16)
                    if not content:
                        self.close_connection = True
                        return
                    ways[each].sendall(content)

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        known = self.headers["X-IDENTITY-HEADER"] == "known"
        if not known or asked["resource"] != ["https://vault.azure.net"]:
            self._answer(400, {"message": "unknown"})
            return
        ends = int(datetime.now(UTC).timestamp()) + 3600
        token = {"access_token": "of-the-identity", "expires_on": str(ends)}
        self._answer(200, {**token, "resource": "https://vault.azure.net", "token_type": "Bearer"})


def google(
    keys: dict[str, EllipticCurvePrivateKey], account: bytes, files: tuple[Path, Path]
) -> tuple[Any, int]:
    """Serve Cloud KMS's `AsymmetricSign` (gRPC) while somebody has the server; it, and its port."""
    import grpc
    from google.auth import jwt
    from google.cloud import kms

    def sign(request: Any, context: Any) -> Any:
        said = dict(context.invocation_metadata()).get("authorization", "")
        try:
            claims = jwt.decode(said.removeprefix("Bearer "), certs=account)
        except ValueError as error:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, f"no token: {error}")
        assert (claims["iss"], claims["aud"]) == (ACCOUNT, f"https://{GOOGLE}/"), claims
        name = request.name.split("/")[-3]
        if name == "denied":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "Permission denied\non the key")
        if name not in keys or request.name != RING.format(name):
            context.abort(grpc.StatusCode.NOT_FOUND, f"{request.name} not found")
        algorithm = request.digest._pb.WhichOneof("digest")
        digest = getattr(request.digest, algorithm)
        return kms.AsymmetricSignResponse(signature=signed(keys[name], digest, algorithm))

    handler = grpc.unary_unary_rpc_method_handler(
        sign, kms.AsymmetricSignRequest.deserialize, kms.AsymmetricSignResponse.serialize
    )
    service = "google.cloud.kms.v1.KeyManagementService"
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {"AsymmetricSign": handler}),)
    )
    chain, key = (path.read_bytes() for path in files)
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
    server.start()
    return server, int(port)


def main(folder: Path) -> None:
    """Write keys and settings into a folder, say where the proxy is, and answer."""
    keys = {name: generate_private_key(curve) for name, curve in CURVES.items()}
    for name, key in keys.items():
        form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / f"{name}.pem").write_bytes(key.public_key().public_bytes(*form))
    files = certificate(folder)
    account = rsa.generate_private_key(65537, 2048)
    said = {"type": "service_account", "client_email": ACCOUNT, "private_key_id": "1"}
    said |= {"project_id": "p", "private_key": pem(account).decode()}
    said |= {"token_uri": "https://oauth2.googleapis.com/token"}
    (folder / "account.json").write_text(json.dumps(said))
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    Vault.keys = keys
    Proxy.ports = {}
    if is_here("google.cloud.kms"):
        _server, Proxy.ports[GOOGLE] = google(keys, account.public_key().public_bytes(*form), files)
    vault = ThreadingHTTPServer(("127.0.0.1", 0), Vault)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    vault.socket = context.wrap_socket(vault.socket, server_side=True)
    Proxy.ports[AZURE] = vault.server_address[1]
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    for each in (vault, proxy):
        threading.Thread(target=each.serve_forever, daemon=True).start()
    print(proxy.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
