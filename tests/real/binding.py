"""SCRAM-SHA-256-PLUS bound to the client's Finished message, under any name: PORT CA TLS-VERSION NAME USER PASSWORD.

Prints the server's last status line.
"""
import base64
import hashlib
import hmac
import socket
import ssl
import sys

port, ca, version, name, user, password = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
# The test authority's certificates are plain ones.
context.verify_flags &= ~ssl.VERIFY_X509_STRICT
context.minimum_version = context.maximum_version = {
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}[version]
connection = socket.create_connection(("127.0.0.1", int(port)), timeout=20)
tls = context.wrap_socket(connection, server_hostname="127.0.0.1")
finished = tls.get_channel_binding("tls-unique")
stream = tls.makefile("rwb")


def ask(command, text=b""):
    stream.write(command + base64.b64encode(text) + b"\r\n")
    stream.flush()
    return stream.readline().decode().rstrip()


def mac(key, text):
    return hmac.new(key, text, "sha256").digest()


stream.readline()
header = f"p={name},,".encode()
bare = f"n={user},r=rOprNGfwEbeRWgbNEkqO".encode()
status = ask(b"AUTH SCRAM-SHA-256-PLUS ", header + bare)
first = base64.b64decode(status.removeprefix("+ "))
field = dict(part.split("=", 1) for part in first.decode().split(","))
salted = hashlib.pbkdf2_hmac(
    "sha256", password.encode(), base64.b64decode(field["s"]), int(field["i"])
)
channel = base64.b64encode(header + finished).decode()
final = f"c={channel},r={field['r']}".encode()
key = mac(salted, b"Client Key")
signature = mac(hashlib.sha256(key).digest(), b",".join([bare, first, final]))
proof = bytes(left ^ right for left, right in zip(key, signature))
status = ask(b"", final + b",p=" + base64.b64encode(proof))
if status.startswith("+ "):
    status = ask(b"")
print(status)
