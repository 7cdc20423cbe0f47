# ruff: noqa: E501 - expressions and word lists are read line by line
"""Links to a person's profile: LinkedIn, Facebook, X, Instagram, Telegram, Weibo, Zhihu, Douyin. The whole link is the span.

Other URLs are no findings here: without credentials or a person in them they are what code and prose are full of.
"""

from __future__ import annotations

from typing import ClassVar

from detectors.recognizers.strict import Patterns


class ProfileUrlRecognizer(Patterns):
    """``URL``."""

    ENTITY = "URL"
    LITERALS: ClassVar = (
        "linkedin.com/in/", "facebook.com/", "twitter.com/", "x.com/", "instagram.com/", "t.me/", "weibo.com/u/", "zhihu.com/people/", "tiktok.com/@", "douyin.com/user/",
        "wa.me/", "calendly.com/",
    )  # fmt: skip
    PATTERNS: ClassVar = (
        (
            "profile",
            r"(?<![0-9A-Za-z.])(?:https?://)?(?:[a-z]{2,3}\.|www\.|m\.)?(?:linkedin\.com/in/|instagram\.com/|twitter\.com/|x\.com/|facebook\.com/(?!(?:groups|events|pages|sharer|help|policies)/?)|t\.me/|wa\.me/|weibo\.com/u/|zhihu\.com/people/|tiktok\.com/@|douyin\.com/user/|calendly\.com/)"
            r"[0-9A-Za-z_.\-]{3,80}(?![0-9A-Za-z_/])",
            0.6,
        ),
    )
