"""TLS on the proxy's own listener where clients must show a certificate (``access.client_ca``).

mitmproxy asks for client certificates but accepts any. This makes a connection whose handshake fails unless the
client's certificate was signed by the configured CA (RFC 8446, 4.3.2).
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

from cryptography import x509
from mitmproxy import ctx, tls
from mitmproxy.addons.tlsconfig import AppData, alpn_select_callback
from OpenSSL import SSL


def connection_for(data: tls.TlsData, authority: Path) -> SSL.Connection:
    """A server-side TLS connection, ready to accept, that only clients of ``authority`` (PEM) complete."""
    client = data.context.client
    name: x509.GeneralName = (
        x509.DNSName(client.sni) if client.sni else x509.IPAddress(ipaddress.ip_address(client.sockname[0]))
    )
    # No common name: verifiers hold an address in it against the CA's constraints on names (RFC 5280, 4.2.1.10).
    certificate = ctx.master.addons.get("tlsconfig").certstore.get_cert(None, [name])
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.load_verify_locations(str(authority))
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    context.set_alpn_select_callback(alpn_select_callback)
    prepared = SSL.Connection(context)
    prepared.use_certificate(certificate.cert.to_cryptography())
    prepared.use_privatekey(certificate.privatekey)
    # CONNECT is spoken in HTTP/1.1 only
    prepared.set_app_data(AppData(client_alpn=b"http/1.1", server_alpn=None, http2=False))
    prepared.set_accept_state()
    return prepared
