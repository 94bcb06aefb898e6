"""The files that hosts and readers look for are whole, and agree with the packages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from environments import ROOT, VERSION

GITHUB = ROOT / ".github"
FORMS = [GITHUB / "ISSUE_TEMPLATE" / name for name in ("bug.yml", "question.yml")]
AUTHOR = "The Velora maintainers"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize(
    "path",
    sorted([*GITHUB.rglob("*.yml"), ROOT / "CITATION.cff"]),
    ids=lambda path: path.name,
)
def test_file_is_yaml(path: Path) -> None:
    assert isinstance(read(path), dict)


def test_forms_are_all_there_are() -> None:
    others = {path.name for path in FORMS[0].parent.iterdir()} - {"config.yml"}
    assert others == {path.name for path in FORMS}
    assert (
        read(GITHUB / "ISSUE_TEMPLATE" / "config.yml")["blank_issues_enabled"] is False
    )


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.name)
def test_form_asks_for_velora_info(form: Path) -> None:
    content = read(form)
    assert content["name"]
    assert content["description"]
    fields = {part["id"]: part for part in content["body"] if "id" in part}
    assert len(fields) == sum(part["type"] != "markdown" for part in content["body"])
    assert all(part["attributes"].get("label") for part in fields.values())
    assert "`velora info`" in fields["info"]["attributes"]["label"]
    required = [
        name
        for name, part in fields.items()
        if part.get("validations", {}).get("required")
    ]
    # Who cannot install it has no output to show.
    assert ("info" in required) == (form.name == "bug.yml")


def test_citation_names_the_project_and_both_papers() -> None:
    content = read(ROOT / "CITATION.cff")
    assert content["cff-version"] == "1.2.0"
    assert content["version"] == VERSION
    assert content["authors"] == [{"name": AUTHOR}]
    assert f"(c) 2026 {AUTHOR}" in (ROOT / "LICENSE").read_text("utf-8")
    assert content["license"] == "MIT"
    assert {"title", "message"} <= content.keys()
    found = {paper["doi"]: paper for paper in content["references"]}
    assert set(found) == {"10.1038/s42256-020-00237-3", "10.1038/s42256-022-00556-7"}
    for paper in found.values():
        assert paper["type"] == "article"
        assert paper["journal"] == "Nature Machine Intelligence"
        assert paper["start"] < paper["end"]
        assert all(set(p) == {"given-names", "family-names"} for p in paper["authors"])
    first, second = (paper["authors"][0]["family-names"] for paper in found.values())
    assert (first, second) == ("Lechner", "Hasani")


def test_projects_name_the_author_of_the_citation() -> None:
    for file in ROOT.glob("packages/*/pyproject.toml"):
        assert f'authors = [{{ name = "{AUTHOR}" }}]' in file.read_text("utf-8")


def test_security_says_how_to_report_and_what_runs_code() -> None:
    page = (ROOT / "SECURITY.md").read_text("utf-8")
    headings = re.findall(r"^## (.+)$", page, re.M)
    assert headings[:2] == ["Report", "What is supported"]
    assert "in private" in page
    assert "`velora info`" in page
    (agents,) = [line for line in page.splitlines() if "`model.save`" in line]
    assert "pickles" in agents
    (networks,) = [line for line in page.splitlines() if "[`save_network`]" in line]
    assert "runs no code of the file" in networks


def test_readme_says_where_to_report_and_with_what() -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    report = page.partition("## Report it\n")[2].partition("\n## ")[0]
    assert "`velora info`" in report
    assert "(SECURITY.md)" in report


def test_tag_publishes_what_was_checked_and_keeps_no_secret() -> None:
    path = GITHUB / "workflows" / "release.yml"
    workflow = read(path)
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML's "on"
    assert workflow["permissions"] == {}
    build, publish, notes = (workflow["jobs"][n] for n in ("build", "publish", "notes"))
    commands = [step.get("run", "") for step in build["steps"]]
    assert 'tox -e release -- "$GITHUB_REF_NAME"' in commands
    assert 'python .ci/changelog.py "${GITHUB_REF_NAME#v}" > notes.md' in commands
    assert (publish["needs"], publish["environment"]) == ("build", "pypi")
    assert publish["permissions"] == {"id-token": "write"}
    action = publish["steps"][-1]
    assert action["uses"].startswith("pypa/gh-action-pypi-publish@")
    assert "with" not in action
    assert notes["needs"] == "publish"
    assert "--notes-file notes.md" in notes["steps"][-1]["run"]
    assert "secrets." not in path.read_text("utf-8")


def test_site_is_published_from_main_by_what_builds_it_in_tests() -> None:
    path = GITHUB / "workflows" / "docs.yml"
    workflow = read(path)
    assert workflow[True]["push"] == {"branches": ["main"]}  # YAML's "on"
    assert workflow["permissions"] == {}
    build, publish = (workflow["jobs"][name] for name in ("build", "publish"))
    (step,) = [step for step in build["steps"] if step.get("run") == "tox -e docs"]
    assert set(step["env"]) == {"VELORA_SITE", "VELORA_REPOSITORY"}
    assert build["steps"][-1]["with"] == {"path": "site/"}
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    text = (ROOT / "tox.ini").read_text("utf-8")
    (listed,) = re.findall(r"^env_list = (.+)$", text, re.M)
    assert "docs" in listed.split(", ")
    body = text.partition("[testenv:docs]\n")[2].partition("\n[")[0]
    assert "zensical build --clean --strict" in body
    assert "python .ci/check_site.py site" in body


def test_release_is_no_environment_of_every_run() -> None:
    text = (ROOT / "tox.ini").read_text("utf-8")
    (listed,) = re.findall(r"^env_list = (.+)$", text, re.M)
    assert "release" not in listed.split(", ")
    body = text.partition("[testenv:release]\n")[2].partition("\n[")[0]
    assert "python .ci/release.py dist {posargs}" in body
    assert "twine check --strict dist/*" in body
