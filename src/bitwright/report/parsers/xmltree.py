"""XML as a tree that knows its lines; read with defusedxml: no DTD, no entities, nothing from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import ParseError  # the error class only: the parser is defusedxml's

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

DEEPEST = 200


@dataclass(slots=True)
class Node:
    """An element: tag without name space, attributes, text without blanks around it, line of its opening."""

    tag: str
    attributes: Mapping[str, str]
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def findall(self, path: str) -> list[Node]:
        """The elements at ``a/b/c`` below this one."""
        found = [self]
        for tag in path.split("/"):
            found = [child for node in found for child in node.children if child.tag == tag]
        return found

    def find(self, path: str) -> Node | None:
        """The one element at a path; None where there is none, or more than one."""
        found = self.findall(path)
        return found[0] if len(found) == 1 else None

    def text_of(self, path: str) -> str | None:
        """The text of the element at a path, None where it is missing or empty."""
        node = self.find(path)
        return (node.text or None) if node is not None else None


class XmlError(ValueError):
    """A text that is no well-formed or no harmless XML; ``line`` says where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Builder:
    def __init__(self) -> None:
        self.parser: Any = None
        self.root: Node | None = None
        self._open: list[Node] = []
        self._text: list[list[str]] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        node = Node(tag.rpartition("}")[2], dict(attributes), self.parser.parser.CurrentLineNumber)
        if len(self._open) >= DEEPEST:
            raise XmlError("elements nested too deep", node.line)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._text.append([])

    def data(self, text: str) -> None:
        if self._text:
            self._text[-1].append(text)

    def end(self, tag: str) -> None:  # noqa: ARG002
        self._open.pop().text = "".join(self._text.pop()).strip()

    def close(self) -> Node:
        if self.root is None:
            raise XmlError("no element", 1)
        return self.root


def read_xml(text: bytes) -> Node:
    """The root of a document.

    Raises:
        XmlError: not well-formed, with a DTD or entities, or nested too deep.
    """
    builder = _Builder()
    parser: Any = DefusedXMLParser(target=builder, forbid_dtd=True)
    builder.parser = parser
    try:
        parser.feed(text)
        root: Node = parser.close()
    except ParseError as error:
        raise XmlError(f"no well-formed XML ({error.msg})", error.position[0]) from error
    except DefusedXmlException as error:
        raise XmlError(f"refused: {error}", parser.parser.CurrentLineNumber) from error
    return root
