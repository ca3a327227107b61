"""What each choice of how lines are shown means for whoever reads them.

Values; any thread may read them.
"""

from collections.abc import Mapping

MEANINGS: Mapping[tuple[str, str], str] = {
    ("times", "off"): "lines are shown without their times",
    ("times", "on"): "each line begins with its time",
    ("rooms", "others"): "only lines of rooms that you do not speak in name their room",
    ("rooms", "always"): "each line names its room",
}
"""By option and value."""
