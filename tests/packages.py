"""Packages that bring plug-ins, laid out as pip would from their pyproject.toml: no network, no building.

Knows nothing of what a plug-in does. One thread uses a directory of packages.
"""

import shutil
import tomllib
from pathlib import Path

PLUGINS = Path(__file__).parent / "plugins"
"""Packages that are complete, as examples."""


def install(package: Path, target: Path) -> None:
    """Put the modules of a source package into `target`, with the metadata that its pyproject.toml describes."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    for module in package.glob("*.py"):
        shutil.copy(module, target)
    info = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        line
        for group, entries in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


def install_source(source: str, target: Path, *, package: str, group: str, name: str, attribute: str) -> None:
    """Install a package of one module with that source, whose entry point `name` is an attribute of the module."""
    directory = target.parent / package
    directory.mkdir()
    (directory / f"{package}_module.py").write_text(source)
    (directory / "pyproject.toml").write_text(
        f'[project]\nname = "{package}"\nversion = "1"\n'
        f'[project.entry-points."{group}"]\n{name} = "{package}_module:{attribute}"\n'
    )
    install(directory, target)
