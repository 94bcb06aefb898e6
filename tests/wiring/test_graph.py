"""A wiring as a graph: nothing is lost, and nothing added."""

import networkx
import pytest
import torch

from velora.wiring import (
    Connectome,
    LayerMasks,
    Unlayered,
    Wiring,
    dense,
    graph,
    small_world,
)
from velora.wiring.ncps import AutoNCP, FullyConnected, Random

RULES = {"ncp": Wiring, "dense": dense, "small world": small_world}


def mask_of(made, starts, ends):
    """The (from, to) mask of a graph's edges."""
    mask = torch.zeros(len(starts), len(ends), dtype=torch.int32)
    for i, start in enumerate(starts):
        for j, end in enumerate(ends):
            if made.has_edge(start, end):
                mask[i, j] = made.edges[start, end]["polarity"]
    return mask


@pytest.mark.parametrize("rule", RULES)
def test_graph_of_layers_goes_back_to_its_masks(rule):
    wiring = RULES[rule](3, 10, 2, seed=0)
    made = graph(wiring)
    kinds = {
        kind: [node for node, data in made.nodes(data=True) if data["kind"] == kind]
        for kind in ("sensory", "inter", "command", "motor")
    }
    for kind, nodes in kinds.items():
        assert nodes == [(kind, i) for i in range(getattr(wiring.counts, kind))]
        assert [made.nodes[node]["index"] for node in nodes] == list(range(len(nodes)))
    ends = {
        "inter": ("sensory", "inter"),
        "command": ("inter", "command"),
        "motor": ("command", "motor"),
        "recurrent": ("command", "command"),
    }
    masks = {k: mask_of(made, kinds[a], kinds[b]) for k, (a, b) in ends.items()}
    assert Connectome(LayerMasks(**masks)) == Connectome(wiring.masks)
    total = sum(int(mask.count_nonzero()) for _, mask in wiring.masks.items())
    assert made.number_of_edges() == total


@pytest.mark.parametrize("blueprint", [FullyConnected(6, 2), Random(6, 2, 0.7)])
def test_graph_without_layers_goes_back_to_its_mask(blueprint):
    wiring = blueprint.build(3)
    made = graph(wiring)
    inputs = [("sensory", i) for i in range(3)]
    units = [("motor", 0), ("motor", 1), *[("inter", i) for i in range(2, 6)]]
    assert list(made) == inputs + units
    assert Unlayered(mask_of(made, inputs + units, units), 2) == wiring
    assert made.number_of_edges() == int(wiring.mask.count_nonzero())


def test_graph_answers_what_graphs_are_asked():
    made = graph(AutoNCP(19, 2, seed=1).build(4))
    assert isinstance(made, networkx.DiGraph)
    assert networkx.shortest_path_length(made, ("sensory", 0), ("motor", 1)) >= 3
    assert set(networkx.get_edge_attributes(made, "polarity").values()) == {-1, 1}


def test_neurons_without_a_synapse_are_there_too():
    empty = LayerMasks(*(torch.zeros(2, 2) for _ in range(3)))
    made = graph(Connectome(empty))
    assert (made.number_of_nodes(), made.number_of_edges()) == (8, 0)


def test_what_is_no_wiring_is_refused_with_the_way_to_one():
    with pytest.raises(TypeError, match=r"got AutoNCP\. Of a blueprint, pass"):
        graph(AutoNCP(9, 2))
