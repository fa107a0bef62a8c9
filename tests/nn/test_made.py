import pytest
import torch

from skae.nn._made import MADE


@pytest.mark.parametrize("n_features", [1, 2, 5])
def test_outputs_depend_on_exactly_the_features_before(n_features):
    made = MADE(n_features, 3)
    for parameter in made.parameters():
        torch.nn.init.ones_(parameter)  # every path that a mask lets through counts
    row = torch.ones(1, n_features)
    jacobian = torch.autograd.functional.jacobian(lambda x: made(x)[0], row)[:, :, 0]
    seen = (jacobian != 0).any(dim=1)
    assert torch.equal(seen, torch.ones(n_features, n_features).tril(-1).bool())
