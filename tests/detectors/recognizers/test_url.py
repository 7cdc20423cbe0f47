"""URLs: found whole where they carry a person's or access data, and only there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.recognizers.url import is_telling

Find = Callable[[str], list[tuple[str, str]]]

TELLING = [
    "https://hr-portal.example/login?u=irmgard.stadlbauer&t=3LprNxyvcFYs6k",
    "https://app.example.com/reset?uid=7741&t=phE0YdmoscphzT6hU7W5OSKIUiPhlm5hDFhRfxUB7aV",
    "https://files.example.com/s/Cr5MWY3zLd5ScbmiPz9jN9?pwd=hQuHjLrX",
    "https://pan.example.cn/s/1abcDEF?pwd=8k2m",
    "https://id.example.com/reset?user=tuomx&token=c91fe07b5d2a4488",
    "https://passport.example.cn/reset?uid=90217&mail=lengyan%40example.cn&t=1771574400",
    "https://passport.example.cn/u/lengyan/reset/9f1c2e77b0aa4d",
    "https://api.example.com/cb?phone=13276041185",
    "https://example.com/form?name=Anna+Kowalski",
    "https://example.com/cb#access_token=9fK2qLx7aa11bb&state=x",
    "https://example.com/verify?code=558130",
    "https://anna:S3cr3tPw@git.example.com/team/repo.git",
    "https://sdlamini@example.com/x",
    "https://bucket.s3.eu-west-1.amazonaws.com/2026/inv.pdf?X-Amz-Credential=AKIA2LRWPETECLJRJCDJ%2F20260418&X-Amz-Signature=85d1ff15059a4dcd8b4b35efc01c2788ee025de9f73891d3",
    "https://storage.googleapis.com/b/o.csv?X-Goog-Credential=a%40b&X-Goog-Signature=6f1c2e77b0aa4d6f1c2e77b0aa4d",
    "https://acct.blob.core.windows.net/c/f.csv?sv=2022-11-02&se=2026-01-01&sr=b&sig=aQ9z%2BfK2qLx7aa11bb22cc33dd%3D",
    "https://contract-prod.oss-cn-shanghai.aliyuncs.com/2026/02/闻静_租赁合同.pdf?OSSAccessKeyId=LTAI5tDUlOC65RatxwmhMLxR&Expires=1771577000&Signature=nXD0l0eBfFmb6AEc8pr42Y",
    "https://b-125.cos.ap-guangzhou.myqcloud.com/a.zip?q-sign-algorithm=sha1&q-ak=AKIDabc&q-signature=9f3ac71e5b2d44889f3ac71e5b2d4488",
    "https://hooks.slack.com/services/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",
    "https://discord.com/api/webhooks/123456789012345678/a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0",
    "https://contoso.webhook.office.com/webhookb2/9f1c2e77-b0aa-4d6f-1c2e-77b0aa4d6f1c@9f1c2e77/IncomingWebhook/9f1c2e77b0aa4d",
    "https://oapi.dingtalk.com/robot/send?access_token=964a8662e920c5069c0d3f417cb940bc3c56c56c",
    "https://open.feishu.cn/open-apis/bot/v2/hook/9f1c2e77-b0aa-4d6f-1c2e-77b0aa4d6f1c",
    "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=9f1c2e77-b0aa-4d6f-1c2e-77b0aa4d6f1c",
    "https://chat.whatsapp.com/J7kQ2mXw9pLr4sTzBv1nYc",
    "https://github.com/smacgiolla",
    "https://www.linkedin.com/in/saoirse-macgiolla-88b1",
    "https://www.facebook.com/hsientsung.tsai.58",
    "https://x.com/anna_kow/status/1234567890",
    "https://instagram.com/anna.kow",
    "https://weibo.com/u/5123456789",
    "https://www.zhihu.com/people/leng-yan-22",
    "https://space.bilibili.com/38112207",
    "https://www.xiaohongshu.com/user/profile/5f1c2e77b0aa4d0001a2b3c4",
    "https://t.me/lengyan_22",
]
PUBLIC = [
    "https://docs.python.org/3/library/re.html#re.compile",
    "https://rubygems.org/gems/rails/versions/7.2.0",
    "https://github.com/pytorch/pytorch/issues/1234",
    "https://github.com/kubernetes",
    "https://github.com/features/actions",
    "https://github.com/acme/repo/blob/main/a.py?plain=1#L10-L20",
    "https://bundlephobia.com/package/react?activeTab=versions",
    "https://news.example.com/2026/02/11/story?id=77&ref=home",
    "https://mp.weixin.qq.com/s/9fK2qLx7aa11bb22cc33dd",
    "https://example.com/search?q=access+token&page=2&key=value",
    "https://api.example.com/v1/users?user=admin&token=YOUR_TOKEN",
    "https://api.example.com/v1/users?user={user}&token=${TOKEN}",
    "https://user:password@example.com/x",
    "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    "https://x.com/home",
    "https://www.linkedin.com/company/example-inc",
    "https://www.zhihu.com/question/12345678/answer/2345678",
    "https://www.bilibili.com/video/BV1xx411c7mD",
    "https://maven.example.org/artifact/org.slf4j/slf4j-api/2.0.9?name=core",
    "https://registry.example.com/v2/_catalog?n=100",
    "https://example.com/docs/password/reset",
    "https://example.com/oauth/authorize?response_type=code&client_id=web&state=1",
    "http://localhost:3000/callback?code=abc",
    "https://stackoverflow.com/questions/11227809/why-is-processing",
]
SURROUNDINGS = (
    "{}",
    "see {} now.",
    "({})",
    "链接：{}，请看",
    '{{"url": "{}"}}',
    "curl -s '{}' | jq .",
    "[page]({})",
    "{}\n",
)


@pytest.mark.parametrize("surrounding", SURROUNDINGS)
@pytest.mark.parametrize("url", TELLING)
def test_found_whole(find: Find, url: str, surrounding: str) -> None:
    assert find(surrounding.format(url)) == [("URL", url)]


@pytest.mark.parametrize("url", PUBLIC)
def test_public_ones_are_nothing(find: Find, url: str) -> None:
    assert find(f"see {url} and go on") == []


@pytest.mark.parametrize("text", ["follow linkedin.com/in/anna-kow-88b1", "加我 www.zhihu.com/people/anna-kow"])
def test_a_profile_needs_no_scheme(find: Find, text: str) -> None:
    assert [entity for entity, _ in find(text)] == ["URL"]


def test_a_password_in_another_scheme_stays_a_secret(find: Find) -> None:
    found = find("postgres://app:k9!Vt-Dune42@db.example.com:5432/x")
    assert ("SECRET", "k9!Vt-Dune42") in found
    assert "URL" not in dict(found)


@given(st.text("abc/?&#=:@.%[]()é中 ", max_size=60))
def test_any_text_is_judged(rest: str) -> None:
    assert is_telling(f"https://{rest}") in (True, False)
