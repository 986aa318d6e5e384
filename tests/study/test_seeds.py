"""Which of several seeds ships, and that it is the one that does."""

from digitnet.runs import RunStore
from digitnet.serving import load_measured


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
