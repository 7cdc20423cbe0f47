"""Who may use the gateway and where it leads."""

import pytest

from addons.admission import Admission, Refused, host_of

LOCAL = Admission([("127.0.0.1", 8080)])


def head(
    admission=LOCAL,
    *,
    reverse=False,
    authority="api.openai.com",
    sni="api.openai.com",
    destination="api.openai.com",
    **headers,
):
    admission.request(
        reverse=reverse,
        headers=[(name.replace("_", "-"), value) for name, value in headers.items()],
        authority=authority,
        sni=sni,
        destination=destination,
    )


def code_of(call):
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code, caught.value.status


def test_agreeing_names_pass_whatever_their_case_port_and_final_dot():
    head()
    head(authority="API.OpenAI.com:443", sni="api.openai.com.")
    head(sni=None)


@pytest.mark.parametrize("name", ["authority", "sni", "destination"])
def test_names_that_disagree_are_refused(name):
    assert code_of(lambda: head(**{name: "evil.example.com"})) == ("misdirected", 421)


def test_a_websocket_is_refused_with_the_status_on_which_clients_fall_back():
    assert code_of(lambda: head(upgrade="WebSocket")) == ("websocket_refused", 426)
    assert code_of(lambda: head(**{":protocol": "websocket"})) == ("websocket_refused", 426)


def reverse(**headers):
    authority = headers.pop("authority", "127.0.0.1:8080")
    admission = headers.pop("admission", LOCAL)
    head(admission, reverse=True, authority=authority, sni=None, destination="192.0.2.7", **headers)


def test_the_base_url_listener_answers_to_its_own_names_only():
    reverse()
    reverse(authority="localhost:8080")
    assert code_of(lambda: reverse(authority="attacker.example.com")) == ("unexpected_host", 421)
    assert code_of(lambda: reverse(authority="")) == ("unexpected_host", 421)
    reverse(authority="llm.example.com", admission=Admission([("127.0.0.1", 8080)], allowed_hosts=["llm.example.com"]))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://page.example.com"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_web_pages_are_refused(headers):
    assert code_of(lambda: reverse(**headers)) == ("web_page", 403)


def test_a_listed_origin_may_call():
    admission = Admission([("127.0.0.1", 8080)], allowed_origins=["https://chat.example.com"])
    reverse(admission=admission, origin="https://chat.example.com", sec_fetch_site="cross-site")
    assert code_of(lambda: reverse(admission=admission, origin="https://other.example.com"))[0] == "web_page"


async def test_the_proxy_does_not_connect_to_itself():
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(Refused, match="itself"):
            await LOCAL.destination(host, 8080)
    await LOCAL.destination("127.0.0.1", 9000)


@pytest.mark.parametrize("host", ["10.1.2.3", "169.254.169.254", "127.0.0.1", "::1", "fe80::1", "192.168.0.9"])
async def test_a_listener_for_others_does_not_lead_to_private_addresses(host):
    open_to_others = Admission([("0.0.0.0", 8080)], guard_private=True, configured=[("10.9.9.9", 443)])
    with pytest.raises(Refused) as caught:
        await open_to_others.connection(host, 443)
    assert caught.value.code == "private_destination"
    await open_to_others.connection("10.9.9.9", 443)


@pytest.mark.parametrize(
    ("authority", "host"),
    [("a.example.com:443", "a.example.com"), ("[::1]:80", "::1"), ("A.example.com.", "a.example.com"), ("", "")],
)
def test_host_of(authority, host):
    assert host_of(authority) == host
