"""What an HTTP status says, and whether another attempt is worth it."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

# Of those below 500: timeout, conflict, locked, too early, too many requests.
_WORTH_RETRYING = frozenset({408, 409, 423, 425, 429})


def in_words(status: int) -> str:
    """`429 Too Many Requests`; the number alone for a status that has no name."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def is_final(status: int) -> bool:
    """Whether a request that was refused with this status would be refused again."""
    return 300 <= status < 500 and status not in _WORTH_RETRYING


def retry_after(header: str) -> float | None:
    """The seconds that a Retry-After header asks to wait, as a number or as a date (RFC 9110, 10.2.3); else None."""
    if re.fullmatch(r"\d{1,9}", header.strip()):
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
