"""URLs that reach for what only our network can reach: refused when registered, and again when something is sent."""

import datetime
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_django import Settings

from ledger_project.kernel.errors import InvalidRequest
from ledger_project.outbound import addresses, transport
from ledger_project.outbound.errors import UnsafeUrl
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks.models import Attempt
from ledger_project.webhooks.tests.conftest import Register, seal_and_deliver
from ledger_project.webhooks.tests.receiver import Receiver, Reply

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::7f00:1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456:789a::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "93.184.216.34", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1"]

HOSTILE = [
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://1.2.3.4.5/",
    "https://256.1.1.1/",
    "https://127.0.0.0x1/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://ledger.localhost/",
    "https://redis/",
    "https://printer.local/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://router.lan/",
    "https://nas.home.arpa/",
    "https://facebookcorewwwi.onion/",
    "https://user:secret@hooks.example.com/",
    "https://user@hooks.example.com/",
    "https://hooks.example.com:secret@127.0.0.1/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https://hooks.example.com#@127.0.0.1/",
    "https://127.0.0.1%2f@hooks.example.com/",
    "https://%31%32%37.0.0.1/",
    "https://[::1%25lo]/",
    "https://[fe80::1%25eth0]/",
    "https://[127.0.0.1]/",
    "https://[::1/",
    "https://hooks..example.com/",
    "https://-hooks.example.com/",
    "https:///hook",
    "https://hooks.example.com./",
    "https://hooks.example.com:22/",
    "https://hooks.example.com:6379/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:99999/",
    "https://hooks.example.com:443:80/",
    "https://8.8.8.8:8080/",
    "http://hooks.example.com/",
    "http://8.8.8.8/",
]
# Not even of a URL's form, so the field refuses them.
MALFORMED = [
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "javascript:alert(1)",
    "//hooks.example.com/",
    "hooks.example.com",
    "https://hooks.example.com/a b",
    "https://hooks.example.com/\r\nX-Evil: 1",
    "https://\uff11\uff12\uff17.0.0.1/",  # fullwidth digits
    "https://127。0。0。1/",
    "https://hooks.exämple.com/",
    "https://" + "a" * 2000,
]


def post(url: str, context: ssl.SSLContext | None = None) -> transport.Answer:
    with closing(transport.Wire(addresses.read(url), context=context)) as wire:
        return wire.post({}, b"{}")


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize("url", [*HOSTILE, *(f"https://{bracketed(address)}/" for address in PRIVATE)])
def test_it_is_not_registered(ledger: Ledger, url: str) -> None:
    before = ledger.size()

    with pytest.raises(UnsafeUrl):
        ledger.run("register_webhook", url=url, types=["*"])

    assert ledger.size() == before


@pytest.mark.parametrize("url", MALFORMED)
def test_what_is_no_url_is_refused_by_field(ledger: Ledger, url: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ledger.run("register_webhook", url=url, types=["*"])

    assert refused.value.facts["field"] == "url"


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "https://hooks.example.com/a/b?c=d&e=%20",
        "https://Hooks.Example.COM:443/",
        "https://hooks.example.com:80/",
        "https://xn--r8jz45g.jp/",
        "https://my_hook.example.com/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
    ],
)
def test_what_is_public_is_registered(ledger: Ledger, url: str) -> None:
    made = ledger.run("register_webhook", url=url, types=["*"])

    ledger.run("delete_webhook", webhook=made.document["result"]["webhook"]["id"])


def test_a_webhook_is_not_moved_to_a_hostile_url_either(ledger: Ledger) -> None:
    made = ledger.run("register_webhook", url="https://hooks.example.com/", types=["*"]).document["result"]["webhook"]

    with pytest.raises(UnsafeUrl):
        ledger.run("update_webhook", webhook=made["id"], url="https://169.254.169.254/latest/meta-data/")

    ledger.run("delete_webhook", webhook=made["id"])


def test_the_operator_may_allow_ports_and_networks(ledger: Ledger, settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_PORTS = frozenset({8443})
    addresses.require_registrable("https://hooks.example.com:8443/")
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("10.1.0.0/16")]
    addresses.require_registrable("http://10.1.2.3:9000/")
    addresses.require_registrable("http://receiver:9000/")  # its addresses are judged when something is sent
    for hostile in ("http://10.2.0.1/", "https://127.0.0.1/", "http://8.8.8.8/", "https://[::ffff:10.1.2.3]/"):
        with pytest.raises(UnsafeUrl):
            addresses.require_registrable(hostile)


Names = dict[str, list[str]]


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Names:
    """What names resolve to; asked names are under `asked`."""
    names: Names = {"asked": []}
    real = socket.getaddrinfo

    def answer(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in names:
            return real(host, port, *args, **kwargs)
        names["asked"].append(host)
        found = names[host]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return names


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_inside_is_not_connected_to(dns: Names, address: str) -> None:
    dns["hooks.example.com"] = [address]

    answer = post("https://hooks.example.com/")

    assert (answer.status, answer.error) == (None, "unsafe_url")
    assert str(ip_address(address)) in answer.detail


@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("private", ["127.0.0.1", "fd00::1"])
def test_one_private_address_condemns_the_name(dns: Names, address: str, private: str) -> None:
    for found in ([address, private], [private, address]):
        dns["hooks.example.com"] = found
        with pytest.raises(UnsafeUrl):
            addresses.resolve(addresses.read("https://hooks.example.com/"))
    dns["hooks.example.com"] = [address]
    assert addresses.resolve(addresses.read("https://hooks.example.com/")) == [ip_address(address)]


def test_a_name_without_an_address_is_tried_again(dns: Names) -> None:
    dns["hooks.example.com"] = []

    answer = post("https://hooks.example.com/")

    assert answer.error == "unresolvable_host"


def test_what_was_good_when_it_was_registered_is_judged_again(
    ledger: Ledger, register: Register, receiver: Receiver, settings: Settings
) -> None:
    """An address that the operator trusts no more stands for a name that was changed since."""
    hook = register("credits.*")
    ledger.open("alice", funded=1)
    settings.WEBHOOK_ALLOWED_NETWORKS = []

    seal_and_deliver()

    assert receiver.received == []
    assert hook.states == ["pending"]
    assert Attempt.objects.get(delivery=hook.deliveries[0]).error == "unsafe_url"


def test_a_name_is_asked_for_once_and_the_connection_goes_there(dns: Names, receiver: Receiver) -> None:
    """Whoever answers DNS cannot answer the judge and the connection differently."""
    dns["hooks.example.com"] = ["127.0.0.1"]

    answer = post(f"http://hooks.example.com:{receiver.port}/a?b=c")

    assert answer.status == 200
    assert dns["asked"] == ["hooks.example.com"]
    (request,) = receiver.received
    assert request.path == "/a?b=c"
    assert request.headers["host"] == f"hooks.example.com:{receiver.port}"


def test_a_redirect_inside_is_not_followed(receiver: Receiver) -> None:
    receiver.behaves = lambda request: Reply(307, headers={"Location": f"http://127.0.0.1:{receiver.port}/inside"})

    answer = post(receiver.url)

    assert answer.status == 307
    assert not answer.accepted
    assert [request.path for request in receiver.received] == ["/hook"]


def test_the_second_address_is_tried_where_the_first_does_not_answer(dns: Names, receiver: Receiver) -> None:
    dns["hooks.example.com"] = ["::1", "127.0.0.1"]

    answer = post(f"http://hooks.example.com:{receiver.port}/")

    assert answer.status == 200


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again(receiver: Receiver) -> None:
    with closing(transport.Wire(addresses.read(receiver.url))) as wire:
        assert wire.post({}, b"{}").status == 200
        asked = iter([Reply(hang_up=True), Reply()])
        receiver.behaves = lambda request: next(asked)

        assert wire.post({}, b"{}").status == 200

    assert len(receiver.received) == 3


Issue = Callable[[str], ssl.SSLContext]


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Issue, ssl.SSLContext]:
    """Makes server contexts for names, and the context of a client that trusts them."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)

    def certificate(name: str, public_key: Any, *, ca: bool) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")]))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )

    def issue(name: str) -> ssl.SSLContext:
        own = ec.generate_private_key(ec.SECP256R1())
        pem = certificate(name, own.public_key(), ca=False).public_bytes(serialization.Encoding.PEM)
        private = own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (tmp_path / f"{name}.pem").write_bytes(pem + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / f"{name}.pem")
        return context

    root = certificate("test authority", key.public_key(), ca=True).public_bytes(serialization.Encoding.PEM).decode()
    return issue, ssl.create_default_context(cadata=root)


def test_the_certificate_is_that_of_the_name_and_not_of_the_address(
    dns: Names, loopback: None, authority: tuple[Issue, ssl.SSLContext]
) -> None:
    issue, trusting = authority
    dns["hooks.example.com"] = dns["other.example.com"] = ["127.0.0.1"]
    receiver = Receiver(issue("hooks.example.com"))
    try:
        assert post(f"https://hooks.example.com:{receiver.port}/", trusting).status == 200
        assert post(f"https://other.example.com:{receiver.port}/", trusting).error == "tls"
        assert post(f"https://hooks.example.com:{receiver.port}/").error == "tls"
        assert len(receiver.received) == 1
    finally:
        receiver.stop()
