"""From an OpenAPI document to flows: one for each operation, in the form that `flows.transfer.files` reads.

What cannot be said faithfully is not guessed: an operation then has a `problem`, or its flow comes with `notes`.
Everything in a document is a stranger's text. Nothing of it is fetched, and no text of it becomes an expression.
"""

from flows.transfer.openapi.document import MAX_DOCUMENT_BYTES, Document, Unusable, is_openapi, read
from flows.transfer.openapi.memory import without_full_collections
from flows.transfer.openapi.operations import Operation, Operations, address_of, alternatives_of
from flows.transfer.openapi.security import Alternative

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "Alternative",
    "Document",
    "Operation",
    "Operations",
    "Unusable",
    "address_of",
    "alternatives_of",
    "is_openapi",
    "read",
    "without_full_collections",
]
