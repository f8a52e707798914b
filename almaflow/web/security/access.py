"""The people and programs that may use the page, as almaflow.yaml names them.

Secrets are read once, when the page starts; of a token only a hash is kept.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.loopback import is_loopback
from almaflow.settings import Project
from almaflow.settings.page_access import PageProxy
from almaflow.settings.serving import PageAddress
from almaflow.web.security.passwords import is_hash
from almaflow.web.security.people import Person, Role

_SHORTEST_TOKEN = 20
# Of a name that a proxy sends.
_LONGEST_NAME = 100


@dataclass(frozen=True)
class User:
    """A person with a password; *hash_* is argon2's."""

    person: Person
    hash_: str


@dataclass(frozen=True)
class Token:
    """A program with a token, of which the SHA-256 is kept."""

    person: Person
    digest: bytes


@dataclass(frozen=True)
class Access:
    """Who may use the page. *here* is who asks without a login; None: everyone must log in."""

    here: Person | None = None
    users: Mapping[str, User] = field(default_factory=dict)
    tokens: Sequence[Token] = ()
    proxy: PageProxy | None = None

    def of_token(self, token: str) -> Person | None:
        """Return whose token this is; takes as long for a wrong one."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        found = None
        for known in self.tokens:
            if hmac.compare_digest(known.digest, digest):
                found = known.person
        return found

    def of_proxy(self, peer: str, names: Sequence[str]) -> Person | None:
        """Return whom the proxy names; *names* are the values of its header, *peer* its address."""
        if self.proxy is None or not self.is_proxy(peer) or len(names) != 1:
            return None
        name = names[0].strip()
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            return None
        role = Role.OPERATE if name in self.proxy.operators else Role.READ
        return Person(name, role)

    def is_proxy(self, peer: str) -> bool:
        """Whether a request comes from the proxy."""
        return self.proxy is not None and _lies_in(peer, self.proxy.addresses)


def access_to(project: Project, address: PageAddress, here: Person) -> Access:
    """Return who may use the page of *project* at *address*; *here* is the account that serves it.

    Raises:
        RequestWrong: other machines reach the page and nobody has to log in, or what almaflow.yaml
            names for a login is missing or not what it should be.
    """
    serving = project.settings.serving
    local = is_loopback(address.host)
    if not (local or serving.needs_login or serving.tokens):
        raise RequestWrong(
            f"Other machines can reach a page at {address.netloc}, so it needs a login. Add users "
            "to almaflow.yaml, such as `serve: {users: {anna: {password: env:ANNA_PASSWORD}}}` "
            "with a hash that `almaflow hash-password` makes, or use `page: 127.0.0.1:8480`."
        )
    folder = project.folder
    users = {}
    for name, user in serving.users.items():
        hash_ = user.password.resolve(folder, f"serve.users.{name}.password").strip()
        if not is_hash(hash_):
            raise RequestWrong(
                f"The value of `serve.users.{name}.password` ({user.password}) is not the hash of "
                "a password. Make one with `almaflow hash-password` and store that."
            )
        users[name] = User(Person(name, user.role), hash_)
    tokens = []
    for name, entry in serving.tokens.items():
        token = entry.token.resolve(folder, f"serve.tokens.{name}.token").strip()
        if len(token) < _SHORTEST_TOKEN:
            raise RequestWrong(
                f"The token `serve.tokens.{name}.token` ({entry.token}) is shorter than "
                f"{_SHORTEST_TOKEN} characters. Store a longer, random one."
            )
        digest = hashlib.sha256(token.encode()).digest()
        tokens.append(Token(Person(f"token {name}", entry.role), digest))
    anyone = here if local and not serving.needs_login else None
    return Access(anyone, users, tokens, serving.proxy)


def _lies_in(address: str, networks: Iterable[str]) -> bool:
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    known: list[IPv4Network | IPv6Network] = [ip_network(one) for one in networks]
    return any((mapped or ip) in network for network in known)
