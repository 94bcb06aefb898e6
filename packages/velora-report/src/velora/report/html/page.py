"""The page itself: a template that gets its style, its script and its content."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template


@dataclass(frozen=True)
class Page:
    """What the page says. Strings are text, those called `_html` are HTML.

    Attributes:
        title: what the agent is, and where.
        facts: what it is and scored: terms and what they are.
        film_note: what the film shows, or why there is none.
        wiring_html: the picture, SVG.
        wiring_note: below the picture.
        why_note: below the paths.
        order_note: how the rows of the heat map are sorted.
        lesions_html: the lesions, or why there are none.
        verdicts: the dead, the saturated and the slowest: title, which, meaning.
        neurons_html: time constants and gates.
        data: the JSON of the script.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    film_note: str
    wiring_html: str
    wiring_note: str
    why_note: str
    order_note: str
    lesions_html: str
    verdicts: Sequence[tuple[str, str, str]]
    neurons_html: str
    data: str

    def html(self) -> str:
        """Returns the file: it asks for nothing, and only its own script can run."""
        script = _part("page.js")
        digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
        return Template(_part("page.html")).substitute(
            policy=f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
            f"script-src 'sha256-{digest}'",
            title=escape(self.title),
            style=_part("page.css"),
            script=script,
            data=self.data,
            facts="".join(
                f"<div><dt>{escape(term)}</dt><dd>{escape(said)}</dd></div>"
                for term, said in self.facts
            ),
            film_note=escape(self.film_note),
            wiring=self.wiring_html,
            wiring_note=escape(self.wiring_note),
            why_note=escape(self.why_note),
            order_note=escape(self.order_note),
            lesions=self.lesions_html,
            verdicts="".join(
                f"<div><dt>{escape(title)}</dt><dd>{escape(which)}</dd>"
                f'<dd class="pale">{escape(meaning)}</dd></div>'
                for title, which, meaning in self.verdicts
            ),
            neurons=self.neurons_html,
        )


def _part(name: str) -> str:
    return files("velora.report.html").joinpath(name).read_text("utf-8")
