"""Narrowing a layer: what the others can say goes, and they say it."""

from embedded_model import prune


def test_a_neuron_that_others_spell_goes_and_nothing_changes() -> None:
    """Ten neurons say what six can; the six that stay take over, and uncorrected they would not."""
    import torch

    generator = torch.Generator().manual_seed(1)
    own = torch.randn(500, 6, dtype=torch.float64, generator=generator)
    mixed = own @ torch.randn(6, 4, dtype=torch.float64, generator=generator)
    activations = torch.cat([own, mixed], 1)
    weights = torch.randn(3, 10, dtype=torch.float64, generator=generator)
    said = activations @ weights.T

    corrected, stay = prune.surgery(weights.clone(), activations.T @ activations, 6)

    assert len(stay) == 6
    assert (activations[:, stay] @ corrected[:, stay].T - said).norm() < 0.01 * said.norm()
    assert (activations[:, stay] @ weights[:, stay].T - said).norm() > 0.1 * said.norm()


def test_the_neuron_that_says_least_goes_first() -> None:
    """Of equal weights the one whose activations are smallest is the least loss."""
    import torch

    activations = torch.eye(4, dtype=torch.float64) * torch.tensor([5.0, 0.1, 4.0, 3.0])
    weights = torch.ones(2, 4, dtype=torch.float64)
    _, stay = prune.surgery(weights, activations.T @ activations, 3)
    assert stay.tolist() == [0, 2, 3]
