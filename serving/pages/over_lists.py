"""What pages over the lists begin with: how they are rendered, and what they are about."""

from __future__ import annotations

from serving.drafts import Drafts
from serving.pages.lists import Lists
from serving.pages.render import Answer


class ListPages:
    """Pages over the lists.

    Parameters
    ----------
    answer : callable
        Renders a template.
    lists : Lists
    """

    def __init__(self, answer: Answer, lists: Lists) -> None:
        self._answer = answer
        self._lists = lists


class FormPages(ListPages):
    """Pages over the lists on which somebody writes.

    Parameters
    ----------
    answer : callable
        Renders a template.
    lists : Lists
    drafts : Drafts
        What was written before a session ended.
    """

    def __init__(self, answer: Answer, lists: Lists, drafts: Drafts) -> None:
        super().__init__(answer, lists)
        self._drafts = drafts
