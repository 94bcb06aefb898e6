"""What each neuron of an agent does: traces, lesions, influence, and a report of all.

`trace` records what every neuron does while an agent acts, `lesions` measures what it
is worth by silencing it, and `influence` says by gradients what it moves. `report`
shows it in one file for the browser.
"""

from velora.report.html.report import Report, report
from velora.report.influence import Influence, influence, rank_correlation
from velora.report.lesions import Lesions, lesions
from velora.report.silencing import lesioned
from velora.report.trace import Trace, trace

__version__ = "0.1.0"

__all__ = [
    "Influence",
    "Lesions",
    "Report",
    "Trace",
    "influence",
    "lesioned",
    "lesions",
    "rank_correlation",
    "report",
    "trace",
]
