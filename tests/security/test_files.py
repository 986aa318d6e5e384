"""What may lie on a disk: damaged runs, symbolic links, and markup in every file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psutil
import pytest

from digitnet.runs import LOG, REQUEST, STATUS, RunStore
from tests.made_runs import make_request, make_training
from tests.security.attacks import DAMAGES, MARKDOWN, MARKUP
from tests.security.client import ONE
from tests.security.conftest import NETWORKS, WHOLE, Server, copy_run
from tests.security.test_visitors import PAGES, assert_harmless

# The pages that read all runs; Draw comes with each.
READERS = (("curves", ""), ("compare", ""), ("compare", "view=Retrain"))


def batches(size: int) -> Iterator[dict]:
    items = iter(DAMAGES.items())
    while batch := dict(islice(items, size)):
        yield batch


def visit_all(server: Server, *queries: tuple[str, str]) -> None:
    visit(server, *PAGES, *queries)


def visit(server: Server, *pages: tuple[str, str]) -> None:
    """Opens pages; none shows an exception, and the whole network reads a drawing."""
    with server.visit() as visitor:
        for page, query in pages:
            visitor.open(page, query)
            assert not visitor.faults(), (page, query, visitor.faults())
            assert_harmless(visitor)
        assert '<p class="dn-digit">1</p>' in visitor.open("", f"model={WHOLE}").draw(ONE)
        assert not visitor.faults(), visitor.faults()
        assert "nan" not in " ".join(visitor.bodies("html")).lower().replace("nanosec", "")


def test_damaged_runs_leave_every_page_whole(server):
    """Each damage is done to the current run of a network; as many at a time as there are."""
    for batch in batches(len(NETWORKS)):
        damaged = dict(zip(NETWORKS, batch.items(), strict=False))
        kept = {name: server.folder / "kept" / name for name in damaged}
        try:
            for name, (_, damage) in damaged.items():
                copy_run(server.store.shipped / name, kept[name])
                damage(server.store.shipped / name)
            first, second, *_ = (f"{name}/shipped" for name in [*damaged, WHOLE])
            pair = f"a={first}&b={second}"
            visit(server, *READERS, ("confusion", pair), ("compare", f"view=Two+networks&{pair}"))
        except AssertionError as error:
            raise AssertionError({name: what for name, (what, _) in damaged.items()}) from error
        finally:
            for name, folder in kept.items():
                shutil.rmtree(server.store.shipped / name)
                folder.rename(server.store.shipped / name)
    assert psutil.pid_exists(server.pid)


def test_the_damaged_runs_are_whole_again(server):
    visit_all(server)
    assert all(not run.problem() for run in server.store.current_runs())


def test_symbolic_links_lead_nowhere(server, tmp_path):
    outside = tmp_path / "outside"
    copy_run(server.store.shipped / "cnn", outside)
    (outside / "precious").write_text("precious")
    local = server.store.local
    links = {
        local / "finished" / "cnn" / "20260103-000000-aaaa": outside,
        local / "finished" / "cnn" / "20260104-000000-aaaa": Path("/"),
        local / "finished" / "fc": Path("/etc"),
        local / "unfinished" / "cnn": local / "unfinished",
        local / "unfinished" / "fc": Path("."),
        local / "current" / "fc_narrow": Path("/etc/passwd"),
        local / "current" / "cnn_short": Path("/dev/zero"),
        local / "networks" / "zero.json": Path("/dev/zero"),
        local / "networks" / "loop.json": Path("loop.json"),
    }
    for link, target in links.items():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    try:
        visit_all(server)
    finally:
        for link in links:
            link.unlink()


def test_deleting_a_link_leaves_what_it_leads_to(tmp_path):
    store = RunStore(tmp_path / "runs", tmp_path / "checkpoints")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    stamp = "20260103-000000-aaaa"
    (store.local / "finished" / "cnn").mkdir(parents=True)
    (store.local / "finished" / "cnn" / stamp).symlink_to(outside)
    store.delete(f"cnn/{stamp}")
    assert not store.finished("cnn") and (outside / "precious").read_text() == "precious"


@pytest.fixture
def marked(server: Server) -> Iterator[None]:
    """Markup and Markdown wherever a file holds text."""
    said = MARKUP + MARKDOWN
    store = server.store
    training = make_training(store, make_request("cnn"), state="failed", message=said)
    (training.folder / LOG).write_text(said)
    broken = make_training(store, make_request("cnn"))
    (broken.folder / STATUS).write_text(json.dumps({"format": 1, "state": said}))
    (broken.folder / REQUEST).write_text(json.dumps({"format": said}))
    made = [training.folder, broken.folder]
    for index in range(2):
        folder = store.local / "finished" / "cnn" / f"2026010{5 + index}-000000-aaaa"
        copy_run(store.shipped / "cnn", folder)
        made.append(folder)
    mark_all(made[2], said)
    (made[3] / REQUEST).write_text(json.dumps({"format": 1, "experiment": said, "settings": {}}))
    network = store.local / "networks" / "marked.json"
    values = {"format": 1, "layers": "flatten", "reason": said, "place": 5, "created": said}
    network.write_text(json.dumps(values))
    odd = store.local / "networks" / "[x](http:evil).json"
    odd.write_text(json.dumps(values))
    queue = store.local / "queue.json"
    queue.write_text(json.dumps({"format": 1, "trainings": [said, 5]}))
    yield
    queue.unlink()
    for folder in made:
        shutil.rmtree(folder)
    network.unlink()
    odd.unlink()


def mark_all(folder: Path, said: str) -> None:
    """Puts markup in place of every text of a run's JSON files but those that are names."""
    for path in folder.glob("*.json"):
        values = json.loads(path.read_text())
        path.write_text(json.dumps(_marked(values, said)))


def _marked(value, said: str):
    if isinstance(value, dict):
        return {key: _marked(one, said) for key, one in value.items()}
    if isinstance(value, list):
        return [_marked(one, said) for one in value]
    return said if isinstance(value, str) else value


def test_markup_in_any_file_is_shown_as_text(server, marked):
    stamps = [f"cnn/2026010{index}-000000-aaaa" for index in (5, 6)]
    visit_all(
        server,
        ("curves", f"run={stamps[0]}&run=cnn/shipped"),
        ("confusion", f"a={stamps[0]}&b={stamps[1]}"),
        ("compare", f"view=Two+networks&a={stamps[0]}&b=cnn/shipped"),
    )
