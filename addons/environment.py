"""The environment variables that send a program's LLM traffic through the gateway, and make it trust the gateway's CA.

Pure: settings in, a mapping out. Which program reads which variable is in ``docs/run.md``.
"""

from __future__ import annotations

from collections.abc import Mapping

from addons.ca import TRUST_STORE_PASSWORD, CertificateAuthority

NO_PROXY = "localhost,127.0.0.1,::1"


def proxy_environment(
    host: str, port: int, authority: CertificateAuthority, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Variables to add to ``inherited`` for one child process.

    Python (requests, httpx, aiohttp with trust_env, botocore, grpc), Node (>= 22.21 or 24 for ``fetch``), Go, Ruby,
    curl, git and the JVM each look at some of them. ``NO_PROXY`` and ``JAVA_TOOL_OPTIONS`` are kept and added to.
    """
    shown = f"[{host}]" if ":" in host else host
    proxy = f"http://{shown}:{port}"
    bundle, certificate = str(authority.bundle), str(authority.certificate)
    no_proxy = ",".join(filter(None, (inherited.get("NO_PROXY") or inherited.get("no_proxy"), NO_PROXY)))
    java = (
        f"-Dhttps.proxyHost={host} -Dhttps.proxyPort={port} -Dhttp.proxyHost={host} -Dhttp.proxyPort={port} "
        f"-Dhttp.nonProxyHosts=localhost|127.*|[::1] -Djavax.net.ssl.trustStore={authority.trust_store} "
        f"-Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword={TRUST_STORE_PASSWORD}"
    )
    return {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "HTTP_PROXY": proxy,
        "http_proxy": proxy,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "grpc_proxy": proxy,
        "NODE_USE_ENV_PROXY": "1",
        # replaced roots: public ones and ours
        "SSL_CERT_FILE": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "AWS_CA_BUNDLE": bundle,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": bundle,
        "GIT_SSL_CAINFO": bundle,
        "DENO_CERT": certificate,
        # added to the built-in roots
        "NODE_EXTRA_CA_CERTS": certificate,
        "JAVA_TOOL_OPTIONS": " ".join(filter(None, (inherited.get("JAVA_TOOL_OPTIONS"), java))),
    }
