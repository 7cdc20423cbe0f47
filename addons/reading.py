"""A request taken apart, body and metadata together, as one list of segments. Sans-IO; no mitmproxy.

The codec knows the body; ``wire.metadata`` knows headers, query string and path. Here they become one reading, so that
the pipeline sees segments and nothing else.
"""

from __future__ import annotations
