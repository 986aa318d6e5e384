"""Which of several seeds ships, and that it is the one that does."""

from benchmarks import seeds as seeds_benchmark
from digitnet.runs import RunStore, read_json
from digitnet.serving import load_measured
from tests.made_runs import finish_run, make_request, use_store


def test_the_seed_that_ships_was_chosen_on_validation():
    record = load_measured("seeds")
    seeds = record["seeds"]
    best = max(one["validation"] for one in seeds.values())
    tied = [one for one in seeds.values() if one["validation"] == best]
    assert len(tied) == record["equal_on_validation"]
    chosen = min(tied, key=lambda one: one["validation_loss"])
    assert seeds[str(record["chosen"])] == chosen
    store = RunStore.default()
    shipped = RunStore(store.shipped / "none", store.shipped).current(record["network"])
    assert shipped and shipped.result["served_sha256"] == chosen["served_sha256"]


def test_seeds_of_any_network_are_compared(tmp_path, monkeypatch):
    store = use_store(monkeypatch, tmp_path)
    monkeypatch.setattr(seeds_benchmark, "RECORD", tmp_path / "seeds.json")
    for seed, right in ((1, 0.97), (2, 0.98)):
        finish_run(store, make_request("cnn", seed=seed), val_accuracy=right)
        if seed == 1:
            finish_run(store, make_request("cnn", seed=seed), val_accuracy=right)
            assert seeds_benchmark.main(["cnn"]) == 1  # two runs, but of one seed
    assert seeds_benchmark.main(["cnn"]) == 0
    found = read_json(tmp_path / "seeds.json")
    assert found["chosen"] == 2 and set(found["summary"]) == {"validation", "test"}
