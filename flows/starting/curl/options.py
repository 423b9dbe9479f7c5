"""The options of a curl command: which of them there are, and what they come with."""

from collections.abc import Iterator

from flows.starting.curl.words import CurlError


def names(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


_SHORT = {
    "A": "user-agent",
    "b": "cookie",
    "c": "cookie-jar",
    "C": "continue-at",
    "d": "data",
    "D": "dump-header",
    "e": "referer",
    "E": "cert",
    "f": "fail",
    "F": "form",
    "g": "globoff",
    "G": "get",
    "H": "header",
    "i": "include",
    "I": "head",
    "j": "junk-session-cookies",
    "k": "insecure",
    "K": "config",
    "L": "location",
    "m": "max-time",
    "n": "netrc",
    "N": "no-buffer",
    "o": "output",
    "O": "remote-name",
    "q": "disable",
    "r": "range",
    "s": "silent",
    "S": "show-error",
    "T": "upload-file",
    "u": "user",
    "v": "verbose",
    "w": "write-out",
    "x": "proxy",
    "X": "request",
    "y": "speed-time",
    "Y": "speed-limit",
    "Z": "parallel",
    "0": "http1.0",
    "1": "tlsv1",
    "2": "sslv2",
    "3": "sslv3",
    "4": "ipv4",
    "6": "ipv6",
    "#": "progress-bar",
}
_READ = names(
    "cookie data data-ascii data-binary data-raw data-urlencode form form-string header json max-redirs max-time "
    "oauth2-bearer range referer request url url-query user user-agent"
)
"""Options with a value that the request is made of."""
SWITCHES = frozenset({"get", "head", "location", "location-trusted"})
_LEFT_OUT_WITH_VALUE = names(
    "connect-timeout continue-at cookie-jar create-file-mode dump-header keepalive-time limit-rate max-filesize output "
    "output-dir retry retry-delay retry-max-time speed-limit speed-time stderr tls-max trace trace-ascii write-out "
    "ciphers tls13-ciphers"
)
_LEFT_OUT = names(
    "basic buffer compressed create-dirs disable fail fail-early fail-with-body globoff http0.9 http1.0 http1.1 http2 "
    "http2-prior-knowledge http3 http3-only include ipv4 ipv6 junk-session-cookies no-alpn no-buffer no-keepalive "
    "no-progress-meter no-sessionid path-as-is progress-bar remote-header-name remote-name retry-all-errors "
    "retry-connrefused show-error show-headers silent styled-output no-styled-output tcp-nodelay tlsv1 tlsv1.0 tlsv1.1 "
    "tlsv1.2 tlsv1.3 tr-encoding trace-time verbose"
)
"""Options that say how curl goes about it or what it shows."""

LEFT_OUT = _LEFT_OUT | _LEFT_OUT_WITH_VALUE
"""Options that change nothing of what is asked."""
_AUTHENTICATION = "flows send credentials as a header, a query parameter, Basic or Bearer, and none of another kind"
_CERTIFICATE = "flows check certificates against the usual authorities and have no certificate of their own"
_ROUTE = "flows go to the address of the URL themselves, through FlowHub's own guard"
NO_FILES = "flows have no files; write what is in the file into the command"
ONE_REQUEST = "a flow's node sends one request; paste the requests one by one"
REFUSED = {
    "insecure": "flows always check the certificate of the server",
    **dict.fromkeys(("cert", "key", "cacert", "capath", "pinnedpubkey", "cert-type", "key-type", "pass"), _CERTIFICATE),
    **dict.fromkeys(("proxy", "socks5", "socks5-hostname", "proxy-user", "proxy-header", "preproxy"), _ROUTE),
    **dict.fromkeys(("resolve", "connect-to", "unix-socket", "interface", "local-port", "dns-servers"), _ROUTE),
    **dict.fromkeys(("digest", "ntlm", "negotiate", "anyauth", "aws-sigv4", "delegation", "netrc"), _AUTHENTICATION),
    **dict.fromkeys(("upload-file", "config", "netrc-file", "variable"), NO_FILES),
    **dict.fromkeys(("next", "parallel"), ONE_REQUEST),
    "sslv2": "that protocol is broken",
    "sslv3": "that protocol is broken",
}
"""Options that flows cannot do, and why."""


def options_of(words: list[str]) -> Iterator[tuple[str, str, str]]:
    """The options by their long names, as they were written, with their values; what is none is a URL."""
    rest = iter(words)
    ended = False
    for word in rest:
        if ended or not word.startswith("-") or word == "-":
            yield "url", word, word
        elif word == "--":
            ended = True
        elif word.startswith("--"):
            name = word[2:]
            yield name, word, _value(word, rest) if _takes_value(name, word) else ""
        else:
            letters = word[1:]
            while letters:
                shown, letters = f"-{letters[0]}", letters[1:]
                name = _SHORT.get(shown[1], shown)
                if _takes_value(name, shown):
                    yield name, shown, letters or _value(shown, rest)
                    break
                yield name, shown, ""


def _takes_value(name: str, shown: str) -> bool:
    if name in _READ or name in _LEFT_OUT_WITH_VALUE:
        return True
    if name in SWITCHES or name in LEFT_OUT or name in REFUSED:
        return False
    raise CurlError(f"{shown[:60]} is not known here. Take it out, if the request goes without it.")


def _value(shown: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise CurlError(f"{shown} has no value: the end of the command is missing.")
    return value
