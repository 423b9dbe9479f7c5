"""Answer the caller with a list of posts."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from flows.engine.node import Json, NodeContext, NodeResult, Reply
from flows.engine.shapes import Shape, closed
from flows.nodes.markdown import headed, inline, link

MAX_POSTS = 200
"""Posts of one answer."""
_TEXT = {"type": "string"}
_URL = {"type": "string", "pattern": "^https?://[^\\s]+$"}


class UiPostList:
    """Gives an answer of posts, such as messages, news or search results: a Markdown list, and structured content."""

    type: ClassVar[str] = "ui_post_list"
    title: ClassVar[str] = "Post list"
    description: ClassVar[str] = "Answers the caller with a list of posts: title, text, author, date and link of each."
    group: ClassVar[str] = "Output"
    icon: ClassVar[str] = "list"
    help: ClassVar[str] = (
        "For messages, news, tickets or search results. The answer is a Markdown list as text, and the same posts as "
        "structured content. Only the title is needed. A date is shown as you write it."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "title": "News",
        "posts": [
            {
                "title": "{{ fetch.body.items[0].title }}",
                "text": "{{ fetch.body.items[0].summary }}",
                "author": "Ada",
                "date": "2026-11-22",
                "url": "https://example.com/news/1",
            }
        ],
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "title": _TEXT | {"title": "Title", "description": "Stands above the list."},
            "posts": {
                "type": "array",
                "title": "Posts",
                "description": "In order. {{ code.posts }} alone takes a whole list of such objects.",
                "maxItems": MAX_POSTS,
                "items": {
                    "type": "object",
                    "properties": {
                        "title": _TEXT | {"title": "Title", "description": "What the post is called.", "minLength": 1},
                        "text": _TEXT | {"title": "Text", "description": "The post, or how it begins."},
                        "author": _TEXT | {"title": "Author", "description": "Who wrote it."},
                        "date": _TEXT | {"title": "Date", "description": "When; ISO 8601 is read by everybody."},
                        "url": _URL | {"title": "Link", "description": "Where it is: https://..."},
                        "image": _URL | {"title": "Image", "description": "A picture's address: https://..."},
                    },
                    "required": ["title"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["posts"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = ()
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Reply with the posts."""
        output = {"ui": "post_list", "title": parameters.get("title", ""), "posts": parameters["posts"]}
        return NodeResult(output, reply=self.reply_of(parameters, output))

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The list as it is sent."""
        return closed({"ui": _TEXT, "title": _TEXT, "posts": shape_of(parameters["posts"])})

    def own_page(self, parameters: Mapping[str, Json]) -> str | None:
        """None: FlowHub draws it."""
        return None

    def reply_of(self, parameters: Mapping[str, Json], output: Json) -> Reply:
        """The answer that goes with an output."""
        text = "\n".join(_markdown(post) for post in output["posts"]) or "No posts."
        return Reply(headed(output["title"], text), structured=output, is_structured=True)


def _markdown(post: Mapping[str, Any]) -> str:
    title = inline(post["title"])
    head = link(title, post["url"]) if "url" in post else title
    by = ", ".join(inline(post[key]) for key in ("author", "date") if post.get(key))
    text = f"\n  {inline(post['text'])}" if post.get("text") else ""
    return f"- **{head}**{f' ({by})' if by else ''}{text}"
