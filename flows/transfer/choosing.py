"""Which operations of a kept document become flows: listed once, chosen page by page, found by search."""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from flows.models import KeptDocument, Server
from flows.transfer import apis, documents, openapi
from flows.transfer.apis import Api, ApiPlan
from flows.transfer.files import Choice
from flows.transfer.forms import AddressForm
from flows.transfer.openapi import Operation, Operations

MAX_CHECKED = 1_500
"""Operations of a document that are converted when it is brought; of the others the preview says what is wrong."""
_TOGETHER = 100
"""Operations that are converted together: there is a limit to what they hold."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which operations somebody looks for; what is empty keeps all."""

    search: str = ""
    tag: str = ""
    method: str = ""
    show: str = ""
    """`chosen`, `able` or `unable`."""

    def keeps(self, operation: Operation, chosen: set[str]) -> bool:
        """Whether each word of the search stands in its title, path, tool name or tags, and the rest fits."""
        said = " ".join((operation.title, operation.path, operation.tool_name, *operation.tags)).casefold()
        return (
            all(word in said for word in self.search.casefold().split())
            and (not self.tag or self.tag in operation.tags)
            and (not self.method or self.method == operation.method)
            and (self.show != "chosen" or operation.key in chosen)
            and (self.show not in ("able", "unable") or bool(operation.problem) == (self.show == "unable"))
        )


@dataclass(slots=True)
class Choosing:
    """A kept document: what it says of itself, its operations without flows, and what was chosen so far."""

    row: KeptDocument
    server: Server
    listing: Mapping[str, Any]
    operations: list[Operation]
    chosen: set[str]

    @property
    def address(self) -> str:
        """Where the API is: as somebody has written, else as the document says."""
        return str(self.row.choices.get("address", self.listing["address"]))

    @property
    def credentials(self) -> str:
        """The key of the way to show who calls that was chosen; empty when each operation takes its own first."""
        return str(self.row.choices.get("credentials", ""))

    @property
    def media_type(self) -> str:
        """The media type that was chosen for bodies; empty when each operation takes its own first."""
        return str(self.row.choices.get("media_type", ""))

    def form(self, data: Mapping[str, Any] | None = None) -> AddressForm:
        """The form of the address and of the credentials, filled in as they were chosen."""
        said = str(self.listing["address"])
        initial = {"address": self.address, "credentials": self.credentials, "media_type": self.media_type}
        return AddressForm(
            data, initial=initial, said=said, ways=self.listing["ways"], kinds=self.listing.get("kinds", ())
        )

    def found(self, wanted: Filter) -> Iterator[tuple[int, Operation]]:
        """The operations that a filter keeps, each with its number in the document."""
        return ((n, each) for n, each in enumerate(self.operations) if wanted.keeps(each, self.chosen))

    def store(self, **choices: Any) -> None:
        """Keep what is chosen, in the document's order, and other choices by their names."""
        able = [each.key for each in self.operations if each.key in self.chosen and not each.problem]
        self.chosen = set(able)
        self.row.choices = self.row.choices | choices | {"chosen": able}
        self.row.save(update_fields=["choices"])

    @property
    def unchecked(self) -> int:
        """How many operations nobody has tried to convert yet."""
        return max(0, len(self.operations) - MAX_CHECKED)

    @openapi.without_full_collections()
    def planned(self, choices: Mapping[str, Choice]) -> tuple[ApiPlan, list[Any]]:
        """What would become of the chosen operations, and the flows whose operation the API has no more."""
        source = documents.unpacked(self.row)
        document = openapi.read(source)
        api = Api.of(document, source, self.address)
        made = apis.made_of(self.server, api)
        operations = Operations(document, self.address, self.credentials, self.media_type).converted(self.chosen)
        gone = apis.removed(made, {each.key for each in self.operations})
        return apis.planned(self.server, api, operations, made, choices), gone


@openapi.without_full_collections()
def begin(user: Any, server: Server, source: bytes) -> int:
    """Read a document, list its operations and keep it; gives its id, raises DefinitionError.

    Chosen at first is what can be made and neither deletes nor is deprecated, and what the server has flows of already;
    of more than can be imported at once, the latter alone.
    """
    document = openapi.read(source)
    address = openapi.address_of(document)
    every = Operations(document, address or "https://")
    operations = _checked(every)
    made = apis.made_of(server, api := Api.of(document, source, address))
    chosen = apis.chosen_at_first(operations, made)
    if len(chosen) > apis.MAX_CHOSEN:
        chosen = {key for key in list(made)[: apis.MAX_CHOSEN] if key in chosen}
    listed = [asdict(each) for each in operations]
    listing: dict[str, Any] = {"title": api.title, "version": api.version, "address": address, "operations": listed}
    listing["kinds"] = every.media_types
    listing["ways"] = [[way.key, way.words, way.operations] for way in openapi.alternatives_of(document)]
    keys = [each.key for each in operations if each.key in chosen]
    return documents.keep(user, server, source, zlib.compress(json.dumps(listing).encode(), 1), {"chosen": keys})


def _checked(operations: Operations) -> list[Operation]:
    """Every operation without its flow, the first ones with their problems and notes."""
    listed = operations.listed
    found: list[Operation] = []
    for start in range(0, min(len(listed), MAX_CHECKED), _TOGETHER):
        keys = {each.key for each in listed[start : min(start + _TOGETHER, MAX_CHECKED)]}
        found += (replace(each, flow=None) for each in operations.converted(keys))
    return found + listed[MAX_CHECKED:]


def choosing_of(user: Any, server: Server, document_id: Any) -> Choosing:
    """A kept document and what was chosen; raises Http404 when it is gone, another's or another server's."""
    row = documents.kept(user, server, document_id)
    listing = json.loads(zlib.decompress(row.listing or b""))
    operations = [Operation(**each) for each in listing["operations"]]
    return Choosing(row, server, listing, operations, set(row.choices.get("chosen", ())))
