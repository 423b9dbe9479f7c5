"""How operations want to know their caller, as the credentials of HTTP requests: secrets by name.

An operation names alternatives, each of one or more security schemes at once. The first that can be sent is taken, of
those without a cookie where there are some, or the one that somebody has chosen for the document. Credentials that a
document declares as ordinary parameters become secrets too: no model is asked for one.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any
from urllib.parse import urljoin, urlsplit

from flows.nodes.credentials import CLIENT_CREDENTIALS, MAX_CREDENTIALS, clashes, place_of
from flows.transfer.openapi.document import Document, Unusable

NONE = "none"
"""The key of the alternative that sends no credential."""

Note = Callable[[str], None]

_PLACES = {"header": "header", "query": "query parameter", "cookie": "cookie"}
_NAMES = re.compile(
    r"(api|app|secret|access|auth|subscription)key|(api|access|auth|bearer|private|security)token"
    r"|(client|api|app|consumer)secret"
)
_ENDS_WITH_ONE = re.compile(rf".*({_NAMES.pattern})")
"""Of a name's letters and digits alone: X-Api-Key, circle-auth-token, ocpApimSubscriptionKey."""
_COMPUTED = frozenset(
    {"digest", "negotiate", "ntlm", "hoba", "mutual", "scram-sha-1", "scram-sha-256", "dpop", "vapid"}
)
"""Schemes of HTTP whose credentials are made anew for each request."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_AUTHORIZATION = ("header", "authorization")
_HEADERS = frozenset({"authorization", "xauthorization", "cookie"})
_VAGUE = re.compile(r"token|key|auth|.*(authentication|authorization)")
_SAID = re.compile(r"\b(api|access|auth|authentication|authorization|bearer|oauth)[ _-]?(token|key)\b", re.IGNORECASE)
"""What tells of a vague name that it is a credential: pages have tokens too, and projects keys."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A way to show who calls: its key, what it is in words, and how many operations can be called with it."""

    key: str
    words: str
    operations: int


@dataclass(frozen=True, slots=True)
class _Part:
    """One scheme of an alternative; `by` is how an access token comes, "client" or "token" for those of OAuth."""

    name: str
    scheme: Mapping[str, Any]
    scopes: tuple[str, ...] = ()
    by: str = ""
    is_choice: bool = False

    @property
    def key(self) -> str:
        return f"{self.name}:clientCredentials" if self.by == "client" and self.is_choice else self.name

    @property
    def words(self) -> str:
        kind = self.scheme.get("type")
        if self.by == "client":
            what = "OAuth 2 client credentials"
        elif kind in ("oauth2", "openIdConnect"):
            what = f"{'OAuth 2' if kind == 'oauth2' else 'OpenID Connect'} access token that you get yourself"
        elif kind == "apiKey":
            what = _in_words(self.scheme)
        else:
            http = _http(self.scheme)
            what = {"basic": "user name and password", "bearer": "bearer token"}.get(http, f"HTTP scheme {http[:40]}")
        return f"{what} ({self.name})"


class Security:
    """What the operations of one document want; `chosen` is the key of the alternative to take where there are some."""

    def __init__(self, document: Document, chosen: str = "") -> None:
        self.document, self.chosen = document, chosen
        components = document.root.get("components")
        schemes = components.get("securitySchemes") if isinstance(components, dict) else None
        self._schemes: dict[str, Any] = schemes if isinstance(schemes, dict) else {}
        self._keys: dict[tuple[str, str], str] = {}
        for name in self._schemes:
            try:
                scheme = self.document.object(self._schemes[name])
            except Unusable:
                continue
            if scheme.get("type") == "apiKey":
                self._keys.setdefault(_place(scheme), name)

    def is_credential(self, parameter: Mapping[str, Any]) -> bool:
        """Whether a parameter is one that shows who calls: a scheme has its name and place, or its name says so."""
        if str(parameter.get("in")) not in _PLACES:
            return False
        if _place(parameter) in self._keys:
            return True
        try:
            schema = self.document.object(parameter.get("schema", {}))
        except Unusable:
            return False
        if schema.get("type", "string") not in ("string", ["string", "null"]) or "enum" in schema:
            return False
        plain = re.sub(r"[^a-z0-9]", "", str(parameter.get("name")).lower())
        if _ENDS_WITH_ONE.fullmatch(plain) or (parameter["in"] == "header" and plain in _HEADERS):
            return True
        is_said = _SAID.search(str(parameter.get("description", ""))[:300]) is not None
        return is_said and _VAGUE.fullmatch(plain) is not None

    def sent(
        self, operation: Mapping[str, Any], declared: Sequence[Mapping[str, Any]], address: str, note: Note
    ) -> dict[str, Any]:
        """`auth` and `moreAuth` of the operation's `http_request`; empty when it asks for nothing.

        `declared` are its parameters that are credentials, `address` is where the other system is. Raises Unusable.
        """
        reasons: list[str] = []
        for alternative in sorted(self._offered(operation, declared), key=self._rank):
            if isinstance(alternative, _Way) and alternative.is_instead and alternative.key != self.chosen:
                continue
            notes: list[str] = []
            try:
                if isinstance(alternative, Unusable):
                    raise alternative
                for name in alternative.unknown:
                    notes.append(f"the document does not describe the credential {name[:80]!r}, which is not sent")
                for name in alternative.beside:
                    notes.append(f"the credential {name[:80]!r} would be the Authorization header too; one can be sent")
                auths = [_auth(part, address, notes.append) for part in alternative.parts]
                auths += self._of_parameters(declared, auths, alternative, notes.append)
                given = _as_parameters(auths)
            except Unusable as error:
                reasons.append(str(error))
                continue
            if reasons and not given:
                notes.append(f"no credential is sent: {'; '.join(dict.fromkeys(reasons))}")
            for each in notes:
                note(each)
            return given
        raise Unusable("; ".join(dict.fromkeys(reasons)))

    def _rank(self, each: "_Way | Unusable") -> tuple[bool, bool]:
        """What was chosen first, and the cookie of a browser's session last, which is there for the API's own pages."""
        return not isinstance(each, _Way) or each.key != self.chosen, isinstance(each, _Way) and each.has_cookie

    def alternatives(
        self, operations: Iterable[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]
    ) -> list[Alternative]:
        """What there is to choose from, in the document's order; empty where no operation leaves a choice.

        `operations` come with those of their parameters that are credentials.
        """
        words: dict[str, str] = {}
        numbers: Counter[str] = Counter()
        choices: set[str] = set()
        for operation, declared in operations:
            keys: dict[str, str] = {}
            is_asked_for = False
            for each in self._offered(operation, declared):
                try:
                    if isinstance(each, _Way):
                        _as_parameters([_auth(part, "https://example.com", lambda said: None) for part in each.parts])
                        keys.setdefault(each.key, each.words[:1].upper() + each.words[1:])
                        is_asked_for |= not each.is_instead
                except Unusable:
                    continue
            keys = keys if is_asked_for else {}
            words |= {key: said for key, said in keys.items() if key not in words}
            numbers.update(keys.keys())
            choices |= keys.keys() if len(keys) > 1 else set()
        return [Alternative(key, said, numbers[key]) for key, said in words.items() if key in choices]

    def _offered(
        self, operation: Mapping[str, Any], declared: Sequence[Mapping[str, Any]]
    ) -> "Iterator[_Way | Unusable]":
        """The alternatives of an operation, in its order; for one that cannot be, why."""
        wanted = operation.get("security", self.document.root.get("security"))
        given = [each for each in wanted if isinstance(each, dict)] if isinstance(wanted, list) else []
        for requirement in given or [{}]:
            if not requirement:
                yield _Way(NONE, (), "no credential")
                continue
            try:
                unknown = tuple(name for name in requirement if name not in self._schemes)
                for parts in self._parts({name: requirement[name] for name in requirement if name not in unknown}):
                    key = "+".join([*(part.key for part in parts), *unknown])
                    words = " and ".join([*(part.words for part in parts), *unknown])
                    yield _Way(key, parts, words, unknown, beside=self._beside(requirement, parts))
            except Unusable as error:
                yield error
        optional = [each for each in declared if each.get("required") is not True]
        # Instead of what the document asks for, but for what is that already.
        known = {self._keys.get(_place(each)) for each in optional} & {name for each in given for name in each}
        others = [[each] for each in optional if self._keys.get(_place(each)) not in known]
        chosen = others if any(given) else [optional] if optional else []
        for parameters in chosen:
            names = tuple(str(each.get("name")) for each in parameters)
            words = " and ".join(f"{_in_words(each)} (parameter)" for each in parameters)
            yield _Way("+".join(names), (), words, parameters=names, is_instead=any(given))

    def _beside(self, requirement: Mapping[str, Any], parts: Sequence[_Part]) -> tuple[str, ...]:
        """The schemes of HTTP and keys that would be the Authorization header too, which another one is."""
        sent = {part.name for part in parts if _place_of_scheme(part.scheme) == _AUTHORIZATION}
        others = {name: self.document.object(self._schemes[name]) for name in requirement if name in self._schemes}
        return tuple(
            name
            for name, scheme in others.items()
            if sent and name not in sent and not _addresses(scheme) and _place_of_scheme(scheme) == _AUTHORIZATION
        )

    def _parts(self, requirement: Mapping[str, Any]) -> Iterator[tuple[_Part, ...]]:
        """The schemes that are wanted at once, in each way in which they can be met; raises Unusable.

        Where several would be the same header one of them is sent. Two schemes of OAuth that lead to one login are two
        flows of it, and one access token is enough for both.
        """
        options: list[list[_Part]] = []
        for name, scopes in requirement.items():
            scheme = self.document.object(self._schemes[name])
            ways = [_Part(name, scheme)]
            if scheme.get("type") in ("oauth2", "openIdConnect"):
                asked = tuple(map(str, scopes)) if isinstance(scopes, list) else ()
                ways = [_Part(name, scheme, asked, by) for by in _ways(scheme, asked)]
            at = _place_of_scheme(scheme)
            taken = next((each for each in options if _place_of_scheme(each[0].scheme) == at), None)
            if taken is None:
                options.append(ways)
            elif at == _AUTHORIZATION:  # at another place both are one key
                is_one_login = any(_addresses(scheme) & _addresses(each.scheme) for each in taken)
                known = {each.by for each in taken} if is_one_login else set()
                taken += [way for way in ways if way.by not in known]
        if len(options) > MAX_CREDENTIALS:
            raise Unusable(f"it wants {len(options)} credentials at once; a request carries {MAX_CREDENTIALS}")
        yield from product(*([replace(way, is_choice=len(ways) > 1) for way in ways] for ways in options))

    def _of_parameters(
        self, declared: Sequence[Mapping[str, Any]], auths: Sequence[Mapping[str, Any]], way: "_Way", note: Note
    ) -> list[dict[str, Any]]:
        """The credentials that are declared as parameters, but for those that are sent already."""
        there, found = {place_of(auth) for auth in auths}, []
        for parameter in declared:
            name, place = str(parameter.get("name")), _place(parameter)
            if place in there:
                continue
            if parameter.get("required") is not True and name not in way.parameters:
                why = "the request shows otherwise who sends it" if auths else "none is asked for"
                note(
                    f"the optional parameter {name!r} is left out: it is a credential, and {why}; choose it to send it"
                )
                continue
            secret = secret_name(self._keys.get(place, name))
            found.append({"type": parameter["in"], "name": literal(name), "secret": reference(secret)})
            note(f"the parameter {name!r} is a credential, so it is the secret {secret} and no argument")
        return found


@dataclass(frozen=True, slots=True)
class _Way:
    """One alternative of an operation."""

    key: str
    parts: tuple[_Part, ...]
    words: str
    unknown: tuple[str, ...] = ()
    """Schemes that the document names and does not describe."""
    parameters: tuple[str, ...] = ()
    """Optional parameters that are sent."""
    is_instead: bool = False
    """Whether it stands in for what the document asks for, which somebody has to choose."""
    beside: tuple[str, ...] = ()
    """Schemes that are wanted too, and would stand where another one does."""

    @property
    def has_cookie(self) -> bool:
        return any(part.scheme.get("type") == "apiKey" and part.scheme.get("in") == "cookie" for part in self.parts)


def _auth(part: _Part, address: str, note: Note) -> dict[str, Any]:
    """A credential as AUTH has it; raises Unusable for one that cannot be sent."""
    scheme, secret = part.scheme, secret_name(part.name)
    kind, http = scheme.get("type"), _http(scheme)
    if part.by == "client":
        flow = scheme["flows"]["clientCredentials"]
        url = urljoin(f"{address.rstrip('/')}/", literal(flow["tokenUrl"]))
        if urlsplit(url).scheme not in ("http", "https"):
            raise Unusable(f"the token URL of {part.name!r} is no address of HTTP")
        shown = (url if urlsplit(url).hostname else flow["tokenUrl"])[:200]
        note(f"{secret}_CLIENT_ID and {secret}_CLIENT_SECRET go to {shown}, which gives access tokens for them")
        scopes = {"scopes": literal(" ".join(part.scopes))} if part.scopes else {}
        return {
            "type": CLIENT_CREDENTIALS,
            "tokenUrl": url,
            "clientId": reference(f"{secret}_CLIENT_ID"),
            "secret": reference(f"{secret}_CLIENT_SECRET"),
        } | scopes
    if str(scheme.get("x-amazon-apigateway-authtype")).startswith("aws"):
        raise Unusable("each request has to be signed by the rules of AWS, which requests of flows are not")
    if kind == "apiKey" and str(scheme.get("in")) in _PLACES:
        name = literal(scheme.get("name"))
        if scheme["in"] == "header" and name.lower() == "authorization":
            note(f"{secret} is the whole Authorization header, with the word before the token if there is one")
        return {"type": scheme["in"], "name": name, "secret": reference(secret)}
    if kind == "http" and http not in ("bearer", "basic"):
        return _of_other_scheme(part, note)
    if kind == "http" and http == "basic":
        return {"type": "basic", "username": reference(f"{secret}_USER"), "secret": reference(f"{secret}_PASSWORD")}
    if part.by:
        note(f"{secret} is an access token that you get yourself; it is not renewed")
    elif kind != "http":
        what = "a client certificate" if kind == "mutualTLS" else f"{kind}, {scheme.get('in')}"
        raise Unusable(f"the credential {part.name!r} ({what[:60]}) cannot be sent")
    return {"type": "bearer", "secret": reference(secret)}


def _of_other_scheme(part: _Part, note: Note) -> dict[str, Any]:
    """The whole Authorization header as a secret, for a scheme of HTTP that is not computed; raises Unusable."""
    http, secret = _http(part.scheme), secret_name(part.name)
    if http in _COMPUTED or not _TOKEN.fullmatch(http):
        why = "which is computed for each request, and requests of flows do not do that"
        raise Unusable(f"the credential {part.name[:60]!r} is of the HTTP scheme {http[:40]!r}, {why}")
    note(f"{secret} is the whole Authorization header: {str(part.scheme['scheme'])[:40]}, a blank, and the credential")
    return {"type": "header", "name": "Authorization", "secret": reference(secret)}


def _as_parameters(auths: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Credentials as parameters of a node; raises Unusable for too many, and for two in one place."""
    if len(auths) > MAX_CREDENTIALS:
        raise Unusable(f"it wants {len(auths)} credentials at once; a request carries {MAX_CREDENTIALS}")
    given = dict(zip(("auth", "moreAuth"), (auths[0], auths[1:]), strict=True)) if auths else {}
    for _ in clashes(given):
        raise Unusable("it wants two credentials at one place of the request")
    return {name: value for name, value in given.items() if value}


def _ways(scheme: Mapping[str, Any], scopes: Sequence[str]) -> list[str]:
    """How an access token can be had, in the document's order: by client credentials, or by the person's own doing."""
    flows = scheme.get("flows")
    found = []
    for name, flow in flows.items() if isinstance(flows, dict) else ():
        known = flow.get("scopes") if isinstance(flow, dict) else None
        is_client = name == "clientCredentials" and isinstance(flow, dict) and isinstance(flow.get("tokenUrl"), str)
        is_enough = not isinstance(known, dict) or not known or known.keys() >= set(scopes)
        found.append("client" if is_client and is_enough else "token")
    return list(dict.fromkeys(found)) or ["token"]


def _addresses(scheme: Mapping[str, Any]) -> set[str]:
    """Where a login of OAuth or OpenID Connect leads to."""
    flows = scheme.get("flows")
    urls = [
        flow.get(key)
        for flow in (flows.values() if isinstance(flows, dict) else ())
        if isinstance(flow, dict)
        for key in ("authorizationUrl", "tokenUrl")
    ]
    return {url for url in [*urls, scheme.get("openIdConnectUrl")] if isinstance(url, str) and url}


def _http(scheme: Mapping[str, Any]) -> str:
    return str(scheme.get("scheme")).lower()


def _in_words(thing: Mapping[str, Any]) -> str:
    return f"API key in the {_PLACES.get(str(thing.get('in')), 'request')} {str(thing.get('name'))[:60]}"


def _place_of_scheme(scheme: Mapping[str, Any]) -> tuple[str, str]:
    """Where a scheme stands in a request."""
    return _place(scheme) if scheme.get("type") in ("apiKey", "mutualTLS") else _AUTHORIZATION


def _place(thing: Mapping[str, Any]) -> tuple[str, str]:
    """Where a scheme or a parameter stands in a request."""
    kind, name = str(thing.get("in")), str(thing.get("name"))
    return kind, name.lower() if kind == "header" else name


def secret_name(name: str) -> str:
    """`petstoreAuth` -> `PETSTORE_AUTH`: a name that secrets may have."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    plain = re.sub(r"[^A-Z0-9]+", "_", spaced.upper()).strip("_")[:50]
    return plain if plain[:1].isalpha() else f"KEY_{plain}".rstrip("_")


def reference(secret: str) -> str:
    """The expression that names a secret."""
    return f"{{{{ secrets.{secret} }}}}"


def literal(text: Any) -> str:
    """A stranger's text for a place where expressions count; raises Unusable when it would be one."""
    if not isinstance(text, str) or not text or "{{" in text or "}}" in text:
        raise Unusable(f"{str(text)[:80]!r} cannot stand in a request")
    return text
